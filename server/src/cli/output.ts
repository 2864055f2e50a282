import { once } from 'node:events';
import { closeSync, openSync, writeSync } from 'node:fs';

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
