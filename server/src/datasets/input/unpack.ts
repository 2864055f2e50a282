import { setImmediate } from 'node:timers/promises';
import { byteSize } from '../../protocol/index.js';
import { compressionOf, decompress } from './compression.js';
import { openBytes, peek } from './source.js';

/**
 * The text of a gzip or zstd file, for an editor that shows it.
 * @param limit bytes of text; a file that holds more is refused, however small it is packed
 * @throws Error in plain words when it is not compressed, damaged, too long, or cannot be read
 */
export async function unpackedText(
  path: string,
  limit: number,
  signal?: AbortSignal,
): Promise<string> {
  const { head, rest } = await peek(openBytes({ path }, 0, signal), 4);
  const compression = compressionOf(head);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const bytes = decompress(rest, compression);
  try {
    if (compression === 'none') {
      // Why there are no bytes comes with the next ones.
      await rest.next();
      throw new Error(`${path}: expected a gzip or zstd file`);
    }
    for await (const chunk of bytes) {
      signal?.throwIfAborted();
      size += chunk.length;
      if (size > limit)
        throw new Error(
          `${path} holds more than ${byteSize(limit)} of text, too long for an editor; its audit and its dashboard work as they are`,
        );
      chunks.push(chunk);
      await setImmediate();
    }
  } finally {
    await bytes.return(undefined);
    await rest.return(undefined);
  }
  return new TextDecoder().decode(Buffer.concat(chunks, size));
}
