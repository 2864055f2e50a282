import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Part } from '../formats.js';
import { LF } from '../input/bytes.js';

/** Bytes that are looked at at once for a line's end. */
const LOOK = 1 << 14;
/** A longer line is no place to cut at: what follows is one part. */
const LONGEST = 1 << 23;

/** Where a file is cut into parts, each about `bytes` long: after the end of a line. */
export class Cuts {
  private at = 0;
  private ended = false;

  private constructor(
    private readonly file: FileHandle,
    private readonly size: number,
    private readonly bytes: number,
  ) {}

  /** @returns undefined where there is no regular file with more than one part */
  static async open(path: string, bytes: number): Promise<Cuts | undefined> {
    try {
      // A pipe without a writer would never open.
      const found = await stat(path);
      if (!found.isFile() || found.size < 2 * bytes) return undefined;
      return new Cuts(await open(path, 'r'), found.size, bytes);
    } catch {
      return undefined;
    }
  }

  /** The next part; undefined after the last. Not to be asked again before it is there. */
  async next(): Promise<Part | undefined> {
    if (this.ended) return undefined;
    const from = this.at;
    const to = await this.lineAfter(from + this.bytes);
    if (to !== undefined) {
      this.at = to;
      return { from, to };
    }
    this.ended = true;
    await this.close();
    // Also what is added to the file meanwhile.
    return { from };
  }

  /** The first beginning of a line at or after a byte; undefined where none is near, and at the end. */
  private async lineAfter(byte: number): Promise<number | undefined> {
    const buffer = Buffer.allocUnsafe(LOOK);
    for (let at = byte - 1; at < Math.min(this.size, byte + LONGEST);) {
      // What cannot be read is told by whoever reads the part.
      const read = await this.file.read(buffer, 0, LOOK, at).catch(() => undefined);
      if (read === undefined || read.bytesRead === 0) return undefined;
      const lf = buffer.subarray(0, read.bytesRead).indexOf(LF);
      if (lf >= 0) return at + lf + 1 < this.size ? at + lf + 1 : undefined;
      at += read.bytesRead;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.file.close().catch(() => undefined);
  }
}
