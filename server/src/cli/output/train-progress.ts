import type { TrainEvent } from '../../protocol/index.js';
import type { TrainProgress } from '../../training/index.js';
import { duration } from '../../protocol/index.js';

/** How a training run is told to a person, or to the editor. */
export interface TrainTold {
  readonly say: (text: string) => void;
  readonly show: (p: TrainProgress) => void;
  readonly clear: () => void;
  readonly done: (made: { out: string; card: string; report: string }) => void;
}

const FRAME = 100;
const QUIET_LINE = 10_000;
const EVENT = 250;

/** When to tell of progress again, and how long the stage still takes. */
class StageClock {
  private stage = '';
  private began = 0;
  private first = 0;
  private last = 0;

  constructor(private readonly wait: number) {}

  /** @returns undefined when it is too early to say anything */
  next(p: TrainProgress): { left?: string } | undefined {
    const now = Date.now();
    if (p.stage !== this.stage) {
      Object.assign(this, { stage: p.stage, began: now, first: p.fraction, last: 0 });
    }
    if (now - this.last < this.wait && p.fraction < 1) return undefined;
    this.last = now;
    const rate = (p.fraction - this.first) / (now - this.began);
    return rate > 0 && p.fraction < 1 ? { left: duration((1 - p.fraction) / rate / 1000) } : {};
  }
}

/** One line of progress on a terminal, a line every ten seconds elsewhere; on standard error. */
export class TrainLine implements TrainTold {
  private readonly clock = new StageClock(process.stderr.isTTY ? FRAME : QUIET_LINE);

  constructor(private readonly quiet: boolean) {}

  readonly say = (text: string): void => {
    if (this.quiet) return;
    this.clear();
    process.stderr.write(`${text}\n`);
  };

  readonly show = (p: TrainProgress): void => {
    const said = this.quiet ? undefined : this.clock.next(p);
    if (said === undefined) return;
    const text =
      `${p.stage} ${Math.floor(100 * p.fraction)} %` +
      (p.note ? ` (${p.note})` : '') +
      (said.left === undefined ? '' : `, ${said.left} left`);
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
  };

  readonly clear = (): void => {
    if (process.stderr.isTTY && !this.quiet) process.stderr.write('\r\x1b[K');
  };

  readonly done = ({ out, card, report }: { out: string; card: string; report: string }): void =>
    this.say(`Bundle: ${out}\nCard: ${card}\nReport: ${report}`);
}

/** JSON Lines on standard output. */
export class TrainEvents implements TrainTold {
  private readonly clock = new StageClock(EVENT);
  private readonly write = (event: TrainEvent): void =>
    void process.stdout.write(`${JSON.stringify(event)}\n`);

  readonly say = (text: string): void => this.write({ type: 'note', text });
  readonly show = (p: TrainProgress): void => {
    const said = this.clock.next(p);
    if (said !== undefined) this.write({ type: 'progress', ...p, ...said });
  };
  readonly clear = (): void => undefined;
  readonly done = (made: { out: string; card: string; report: string }): void =>
    this.write({ type: 'done', ...made });
}
