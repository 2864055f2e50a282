import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { makeFolder } from '../../files/folder.js';
import { writeWhole } from '../../files/write.js';

/** A hash takes less than 2 GiB at once. */
const PIECE = 2 ** 30;

/**
 * Results of stages on disk, each by a hash of all that it was made from: a run that was killed, or one
 * with other options, computes only what is not there. A file is whole or absent.
 */
export class Stages {
  constructor(private readonly folder: string) {}

  /**
   * @param inputs everything the result depends on; numbers arrays are hashed as their bytes
   * @returns what `compute` gave, now or earlier: plain values and typed arrays
   */
  async get<T>(
    name: string,
    inputs: readonly (string | number | ArrayBufferView)[],
    compute: () => Promise<T>,
  ): Promise<T> {
    const hash = createHash('sha256').update(name);
    for (const input of inputs) {
      const bytes = ArrayBuffer.isView(input)
        ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
        : Buffer.from(String(input));
      hash.update(`|${bytes.byteLength}|`);
      for (let at = 0; at < bytes.byteLength; at += PIECE)
        hash.update(bytes.subarray(at, at + PIECE));
    }
    const file = join(
      this.folder,
      `${name.replace(/[^\w.-]+/g, '-')}-${hash.digest('hex').slice(0, 24)}.stage`,
    );
    const found = await readFile(file).catch(() => undefined);
    if (found) return deserialize(found) as T;
    const value = await compute();
    makeFolder(this.folder);
    await writeWhole(file, (write) => write(serialize(value)));
    return value;
  }
}
