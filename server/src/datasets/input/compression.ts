import { gunzip } from './decompress/gzip.js';
import { ByteInput } from './decompress/input.js';
import { unzstd } from './decompress/zstd.js';
import { COMPRESSIONS, type Compression } from '../formats.js';

/** By the file's first bytes. */
export function compressionOf(head: Uint8Array): Compression {
  const first = Buffer.from(head.subarray(0, 4)).toString('latin1');
  if (COMPRESSIONS.gzip.magic.test(first)) return 'gzip';
  return COMPRESSIONS.zstd.magic.test(first) ? 'zstd' : 'none';
}

/** The text bytes of a (compressed) file; what was decompressed before an error comes first. */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* source;
    return;
  }
  const input = new ByteInput(source);
  try {
    yield* compression === 'gzip' ? gunzip(input) : unzstd(input);
  } finally {
    await input.close();
  }
}
