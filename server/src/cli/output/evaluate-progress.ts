import type { EvaluateEvent } from '../../protocol/index.js';
import { type Bar, loadingLine, Progress } from './progress.js';
import type { SessionTold } from '../session.js';
import { sayer } from './output.js';

/** How an evaluation is told to a person, or to the editor. */
export interface EvaluateTold extends SessionTold {
  /** Of one row of the table. */
  readonly bar: (stage: string) => Bar;
  readonly done: (out: string | undefined) => void;
}

/** Lines and a bar on standard error. */
export function evaluateLines(quiet: boolean): EvaluateTold {
  const say = sayer(quiet);
  return {
    say,
    loading: loadingLine(quiet),
    bar: () => new Progress(quiet),
    done: (out) => void (out === undefined || say(`Report: ${out}`)),
  };
}

/** Resampling that is over before says nothing; later it is told as often as it is seen. */
const PATIENCE = 2000;

/** Tells resampling as it goes on, with the time left. */
export function resampling({ loading }: EvaluateTold): {
  step: (stage: string, share: number) => void;
  end: () => void;
} {
  let last = Date.now() + PATIENCE - EVENT;
  let told = false;
  return {
    step: (message, fraction) => {
      if (Date.now() - last < EVENT) return;
      last = Date.now();
      told = true;
      loading.show({ message, fraction });
    },
    end: () => void (told && loading.clear()),
  };
}

const EVENT = 250;

/** JSON Lines on standard output. */
export function evaluateEvents(): EvaluateTold {
  const write = (event: EvaluateEvent): void =>
    void process.stdout.write(`${JSON.stringify(event)}\n`);
  let last = 0;
  /** Not more often than it is seen. */
  const progress = (event: Omit<Extract<EvaluateEvent, { type: 'progress' }>, 'type'>): void => {
    if (Date.now() - last < EVENT) return;
    last = Date.now();
    write({ type: 'progress', ...event });
  };
  return {
    say: (text) => write({ type: 'note', text }),
    loading: {
      show: ({ message, fraction }) =>
        progress({ stage: message, note: '', ...(fraction !== undefined && { fraction }) }),
      clear: () => undefined,
    },
    bar: (stage) =>
      new Progress(true, (fraction, note) =>
        progress({ stage, note, ...(fraction !== undefined && { fraction }) }),
      ),
    done: (out) => void (out === undefined || write({ type: 'done', out })),
  };
}
