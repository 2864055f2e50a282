import { SingleBar } from 'cli-progress';
import type { EvaluatorInfo } from '../engine/types.js';
import { ScoreStore } from '../store/index.js';

/** Aborts on the first Ctrl-C; the second leaves at once (what is scored is in the store). */
export function onInterrupt(): AbortController {
  const controller = new AbortController();
  let count = 0;
  const stop = () => (++count > 1 ? process.exit(130) : controller.abort());
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return controller;
}

/** The store, or undefined (with a warning) where it cannot be had: an audit works without. */
export function openStore(wanted: boolean, say: (line: string) => void): ScoreStore | undefined {
  if (!wanted) return undefined;
  try {
    return ScoreStore.open({ onWarning: say });
  } catch (error) {
    say(`No score store: ${String(error)}. Scores of this run are not kept.`);
    return undefined;
  }
}

export const modelLine = (i: EvaluatorInfo) =>
  `Model ${i.modelName}, ${i.executionProvider}, ${i.precision}`;

/** Progress on stderr: a bar on a terminal, a line every ten seconds elsewhere, nothing when quiet. */
export class Progress {
  private readonly began = Date.now();
  private last = Date.now();
  private responses = 0;
  private stored = 0;
  private bar: SingleBar | undefined;

  constructor(
    private readonly quiet: boolean,
    total: number | undefined,
  ) {
    if (quiet || !process.stderr.isTTY) return;
    const ends = total === undefined ? '' : ' {bar} {percentage} %, {eta_formatted} left';
    this.bar = new SingleBar({
      format: `{value} rows${ends}, {rate} responses/s`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      etaBuffer: 50,
    });
    this.bar.start(total ?? 0, 0, { rate: '–' });
  }

  step(rows: number, responses: number, stored: number): void {
    this.responses = responses;
    this.stored = stored;
    this.bar?.update(rows, { rate: this.rate() });
    if (this.bar || this.quiet || Date.now() - this.last < 10_000) return;
    this.last = Date.now();
    process.stderr.write(`${rows} rows, ${responses} responses, ${this.rate()} responses/s\n`);
  }

  /** The last line: what was scored, whence, how fast. */
  end(): void {
    this.bar?.stop();
    if (this.quiet) return;
    const fresh = this.responses - this.stored;
    process.stderr.write(
      `${this.responses} responses: ${this.stored} from the store, ${fresh} newly scored, ${this.rate()} responses/s\n`,
    );
  }

  private rate(): string {
    return (this.responses / Math.max((Date.now() - this.began) / 1000, 0.001)).toFixed(1);
  }
}
