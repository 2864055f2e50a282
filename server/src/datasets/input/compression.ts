import { gunzip } from './decompress/gzip.js';
import { ByteInput } from './decompress/input.js';
import { unzstd } from './decompress/zstd.js';
import type { Compression } from '../formats.js';

/** By the file's first bytes. */
export function compressionOf(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const magic = head.length >= 4 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd;
  if (magic && head[0] === 0x28) return 'zstd';
  // A skippable frame (pzstd writes one first): 0x184D2A50..5F, little-endian.
  if (
    head.length >= 4 &&
    (head[0]! & 0xf0) === 0x50 &&
    head[1] === 0x2a &&
    head[2] === 0x4d &&
    head[3] === 0x18
  )
    return 'zstd';
  return 'none';
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
