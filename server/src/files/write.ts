import { open, rename, rm } from 'node:fs/promises';

/** Characters gathered before they are written. */
const BATCH = 1 << 16;

/**
 * Writes a file by way of a neighbour: it is there whole or not at all.
 * @param fill is given a function that writes, to be awaited
 * @returns the file's size in bytes
 * @throws what `fill` throws, or why the file cannot be written
 */
export async function writeWhole(
  path: string,
  fill: (write: (piece: string | Uint8Array) => Promise<void>) => Promise<void>,
): Promise<number> {
  const part = `${path}.${process.pid}.part`;
  let bytes = 0;
  try {
    const file = await open(part, 'w');
    try {
      await fill(async (piece) => {
        const data = typeof piece === 'string' ? Buffer.from(piece) : piece;
        for (let at = 0; at < data.length;)
          at += (await file.write(data, at, data.length - at)).bytesWritten;
        bytes += data.length;
      });
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return bytes;
}

/** A report's lines into a file, in pieces as they come. */
export function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  path: string,
): Promise<number> {
  return writeWhole(path, async (write) => {
    let batch = '';
    for await (const line of lines) {
      batch += `${line}\n`;
      if (batch.length < BATCH) continue;
      await write(batch);
      batch = '';
    }
    await write(batch);
  });
}
