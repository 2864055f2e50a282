import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { Compression } from './formats.js';

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

async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = Readable.from(source, { objectMode: true });
  const out = createGunzip({ chunkSize: 1 << 18 });
  input.on('error', (error) => out.destroy(error));
  input.pipe(out);
  try {
    for await (const chunk of out) yield chunk as Buffer;
  } finally {
    input.destroy();
    out.destroy();
  }
}

/** Node 20 has no zstd of its own; fzstd decompresses block by block. */
async function* unzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  const decoder = new Decompress((data) => {
    if (data.length > 0) ready.push(data);
  });
  const flush = function* (): Generator<Uint8Array> {
    const blocks = ready;
    ready = [];
    yield* blocks;
  };
  for await (const chunk of source) {
    // Small pushes bound what one push can expand to.
    for (let i = 0; i < chunk.length; i += 1 << 16) {
      try {
        decoder.push(chunk.subarray(i, i + (1 << 16)));
      } finally {
        yield* flush();
      }
    }
  }
  try {
    decoder.push(new Uint8Array(0), true);
  } finally {
    yield* flush();
  }
}

/** The text bytes of a (compressed) file; what was decompressed before an error comes first. */
export function decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === 'gzip') return gunzip(source);
  if (compression === 'zstd') return unzstd(source);
  return source;
}
