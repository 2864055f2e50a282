import { closeSync, openSync, writeSync } from 'node:fs';
import { systemReason } from '../../files/reasons.js';
import { targetOf } from '../../files/target.js';
import { openSink, type Sink, writeLines, writeTo } from '../../files/write.js';

/** To standard output, as fast as its reader takes it. @throws EPIPE when the reader has left */
export const print = (text: string): Promise<void> => writeTo(process.stdout, text);

export const isClosedPipe = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';

/** Says a line on standard error, unless `--quiet`. */
export const sayer =
  (quiet = false) =>
  (line: string): void =>
    void (quiet || process.stderr.write(`${line}\n`));

/**
 * Waits for a report to be written.
 * @returns false where its reader had seen enough and left: what was found counts all the same
 */
export async function written(report: Promise<unknown>): Promise<boolean> {
  try {
    await report;
    return true;
  } catch (error) {
    if (isClosedPipe(error)) return false;
    throw error;
  }
}

type Lines = Iterable<string> | AsyncIterable<string>;
/** A report's lines into a file, else to standard output. @returns as `written` */
export const put = (lines: Lines, out: string | undefined, signal: AbortSignal): Promise<boolean> =>
  written(out === undefined ? printAll(lines) : writeLines(lines, out, signal));

async function printAll(lines: Lines): Promise<void> {
  for await (const line of lines) await print(`${line}\n`);
}

/** What a report may use: NO_COLOR and FORCE_COLOR as https://no-color.org and Node have them. */
export function terminal(out?: string) {
  const tty = out === undefined && process.stdout.isTTY;
  const { NO_COLOR, FORCE_COLOR } = process.env;
  const forced = out === undefined && Boolean(FORCE_COLOR) && FORCE_COLOR !== '0';
  return {
    columns: (tty && process.stdout.columns) || 110,
    colour: (tty || forced) && !NO_COLOR,
  };
}

/** Lines added to a regular file, in the file when `write` returns; or streamed to whatever `out` is. */
export class Appender {
  private constructor(
    private readonly out: string,
    private readonly fd: number | undefined,
    private readonly sink: Sink | undefined,
  ) {}

  /** @throws Error naming the path and why it cannot be written; AbortError */
  static async open(out = '-', signal?: AbortSignal): Promise<Appender> {
    const target = targetOf(out);
    if (target.kind !== 'file')
      return new Appender(out, undefined, await openSink(out, target, signal));
    return new Appender(out, openSync(target.path, 'a'), undefined);
  }

  async write(text: string): Promise<void> {
    if (this.fd === undefined) return this.sink?.write(text);
    const bytes = Buffer.from(text);
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
    } catch (error) {
      throw new Error(`${this.out}: ${systemReason(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    if (this.fd !== undefined) closeSync(this.fd);
    await this.sink?.close();
  }
}
