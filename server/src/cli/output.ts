import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, renameSync, rmSync, writeSync } from 'node:fs';

/** A report, to standard output or to a file by way of a neighbour: there whole or not at all. */
export async function writeReport(lines: Iterable<string>, out?: string): Promise<void> {
  if (out === undefined) {
    for (const line of lines) await print(`${line}\n`);
    return;
  }
  const part = `${out}.${process.pid}.part`;
  const stream = createWriteStream(part);
  // Rejects when the disk is full or the folder missing, also between two writes.
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  try {
    for (const line of lines) {
      if (!stream.write(`${line}\n`)) await Promise.race([once(stream, 'drain'), failed]);
    }
    stream.end();
    await Promise.race([once(stream, 'close'), failed]);
    renameSync(part, out);
  } catch (error) {
    stream.destroy();
    rmSync(part, { force: true });
    throw error;
  }
}

/** To standard output, as fast as its reader takes it. @throws EPIPE when the reader has left */
export async function print(text: string): Promise<void> {
  if (process.stdout.errored) throw process.stdout.errored;
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}

/** Lines added to a file, in the file when `write` returns; or to standard output. */
export class Appender {
  private readonly fd: number | undefined;

  constructor(out?: string) {
    this.fd = out === undefined ? undefined : openSync(out, 'a');
  }

  async write(text: string): Promise<void> {
    if (this.fd === undefined) return print(text);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) at += writeSync(this.fd, bytes, at);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
  }
}
