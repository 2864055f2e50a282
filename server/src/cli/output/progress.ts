import { SingleBar } from 'cli-progress';
import { count, duration } from '../../protocol/index.js';
import { textBytes } from './size.js';

/** Rate and time left are taken from so many seconds back. */
const WINDOW = 20_000;
const QUIET_LINE = 10_000;
const FRAME = 100;

/**
 * How much of the files is done, from 0 to 1, by bytes (or by rows where only so many of each are
 * taken); undefined where a size is not known.
 */
export class Share {
  private readonly sizes: (number | undefined)[];
  /** Bytes before each file, and of all; NaN from the first unknown size on. */
  private readonly before: number[] = [0];
  private file = 0;
  private rows = 0;

  constructor(
    files: readonly string[],
    private readonly limit?: number,
  ) {
    this.sizes = files.map(textBytes);
    for (const size of this.sizes) this.before.push((this.before.at(-1) ?? 0) + (size ?? NaN));
  }

  at(file: number, end: number): number | undefined {
    if (file !== this.file) this.rows = 0;
    this.file = file;
    this.rows++;
    const size = this.sizes[file];
    const byBytes = size ? Math.min(end / size, 1) : undefined;
    if (this.limit !== undefined) {
      const here = Math.min(Math.max(this.rows / this.limit, byBytes ?? 0), 1);
      return (file + here) / this.sizes.length;
    }
    const share =
      ((this.before[file] ?? NaN) + (byBytes ?? NaN) * (size ?? 0)) / (this.before.at(-1) ?? NaN);
    return Number.isNaN(share) ? undefined : share;
  }
}

interface Sample {
  readonly time: number;
  readonly responses: number;
  readonly share: number;
}

/** Progress on standard error: a bar on a terminal, a line every ten seconds elsewhere, or nothing. */
export class Progress {
  private readonly began = Date.now();
  private readonly samples: Sample[] = [];
  private lastLine = Date.now();
  private lastFrame = 0;
  private rows = 0;
  private responses = 0;
  private stored = 0;
  private share: number | undefined;
  private bar: SingleBar | undefined;

  /** @param told is given the figures in place of the terminal */
  constructor(
    private readonly quiet: boolean,
    private readonly told?: (share: number | undefined, figures: string) => void,
  ) {}

  /** @param rows so far; default: one more than before */
  step(share: number | undefined, responses: number, stored: number, rows = this.rows + 1): void {
    this.rows = rows;
    this.responses = responses;
    this.stored = stored;
    this.share = share;
    if (this.quiet && this.told === undefined) return;
    // Nothing is formatted more often than it is seen: rows may come by the hundred thousand a second.
    const now = Date.now();
    if (now - this.lastFrame < FRAME) return;
    this.lastFrame = now;
    this.sample(now);
    if (this.told !== undefined) return this.told(share, this.figures());
    if (process.stderr.isTTY) return this.draw();
    if (now - this.lastLine < QUIET_LINE) return;
    this.lastLine = now;
    const percent = share === undefined ? '' : `${(100 * share).toFixed(1)} %, `;
    process.stderr.write(`${percent}${this.figures()}\n`);
  }

  /** Clears the bar and says nothing more. */
  clear(): void {
    this.bar?.stop();
  }

  /** Clears the bar; the last line says what was scored, whence, how fast. */
  end(): void {
    this.bar?.stop();
    if (this.quiet || this.responses === 0) return;
    const fresh = this.responses - this.stored;
    const seconds = (Date.now() - this.began) / 1000;
    const parts = [`${count(this.responses)} responses in ${duration(seconds)}`];
    if (this.stored > 0) parts.push(`${count(this.stored)} from the score store`);
    if (fresh > 0) {
      parts.push(`${count(fresh)} newly scored`);
      parts.push(`${(this.responses / Math.max(seconds, 1e-3)).toFixed(1)} responses/s`);
    }
    process.stderr.write(`${parts.join(', ')}\n`);
  }

  private draw(): void {
    const figures = this.figures();
    if (this.bar === undefined) {
      const percent = this.share === undefined ? '' : '{bar} {percentage} %  ';
      this.bar = new SingleBar({
        format: `${percent}{figures}`,
        barsize: 24,
        barCompleteChar: '━',
        barIncompleteChar: ' ',
        stream: process.stderr,
        hideCursor: true,
        clearOnComplete: true,
      });
      this.bar.start(1000, 0, { figures });
    }
    this.bar.update(Math.round(1000 * (this.share ?? 0)), { figures });
  }

  private sample(time: number): void {
    const last = this.samples.at(-1);
    if (last && time - last.time < 500) return;
    this.samples.push({ time, responses: this.responses, share: this.share ?? 0 });
    while (time - (this.samples[0]?.time ?? time) > WINDOW) this.samples.shift();
  }

  private figures(): string {
    const first = this.samples[0];
    const seconds = first ? (Date.now() - first.time) / 1000 : 0;
    const parts = [`${count(this.rows)} rows`, `${count(this.responses)} responses`];
    if (first && seconds >= 1) {
      parts.push(`${((this.responses - first.responses) / seconds).toFixed(1)} responses/s`);
      const gained = (this.share ?? 0) - first.share;
      if (this.share !== undefined && gained > 0) {
        parts.push(`${duration(((1 - this.share) * seconds) / gained)} left`);
      }
    }
    return parts.join(', ');
  }
}

/** What a command needs of a bar: the editor has events in its place. */
export type Bar = Pick<Progress, 'step' | 'end' | 'clear'>;

/** The progress of a command that reads files, told by where each row ends. */
export class FileProgress {
  private readonly share: Share;

  constructor(
    files: readonly string[],
    { limit, quiet = false }: { readonly limit?: number; readonly quiet?: boolean },
    private readonly bar: Bar = new Progress(quiet),
  ) {
    this.share = new Share(files, limit);
  }

  /** @param end of the row in its file's text @param rows as `Progress.step` has them */
  row(file: number, end: number, responses: number, stored: number, rows?: number): void {
    this.bar.step(this.share.at(file, end), responses, stored, rows);
  }

  clear(): void {
    this.bar.clear();
  }

  end(): void {
    this.bar.end();
  }
}

/** What a message is about: `Downloading org/name: 3 of 16 GB` changes all the time. */
const first = (message: string) => message.split(': ')[0];

/** What the engine says while a model is read or converted: one line that is written over. */
export function loadingLine(quiet: boolean) {
  let last = '';
  let told = Date.now();
  let from: { time: number; fraction: number } | undefined;
  const tty = process.stderr.isTTY;
  /** The time left, where the message does not say it itself. */
  const left = (message: string, fraction: number): string => {
    const time = Date.now();
    if (from === undefined || fraction < from.fraction) from = { time, fraction };
    const [seconds, gained] = [(time - from.time) / 1000, fraction - from.fraction];
    if (seconds < 2 || gained <= 0 || fraction >= 1 || / left$/.test(message)) return '';
    return `, ${duration(((1 - fraction) * seconds) / gained)} left`;
  };
  return {
    show({ message, fraction }: { message: string; fraction?: number }): void {
      if (quiet) return;
      const percent =
        fraction === undefined ? '' : `, ${Math.round(100 * fraction)} %${left(message, fraction)}`;
      if (tty) process.stderr.write(`\r\x1b[2K${message}${percent}`);
      else if (first(message) !== first(last) || Date.now() - told > QUIET_LINE) {
        // A log wants a line now and then, not every step.
        told = Date.now();
        process.stderr.write(`${message}${last === '' ? '' : percent}\n`);
      }
      last = message;
    },
    clear(): void {
      if (tty && last !== '') process.stderr.write('\r\x1b[2K');
    },
  };
}
