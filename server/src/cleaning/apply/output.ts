import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { writeWhole } from '../../files/write.js';
import type { Compression } from '../../datasets/index.js';

export interface Written {
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  /** And of its plain bytes. */
  readonly plain: string;
  readonly bytes: number;
}

/** Writes pieces into a file, compressed as their source is: there whole or not at all. */
export async function writePieces(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  compression: Compression,
  signal?: AbortSignal,
): Promise<Written> {
  const [file, plain] = [createHash('sha256'), createHash('sha256')];
  const bytes = await writeWhole(
    path,
    async (write) => {
      async function* told() {
        for await (const piece of pieces) {
          signal?.throwIfAborted();
          plain.update(piece);
          yield piece;
        }
      }
      for await (const piece of packed(told(), compression)) {
        file.update(piece);
        await write(piece);
      }
    },
    signal,
  );
  return { sha256: file.digest('hex'), plain: plain.digest('hex'), bytes };
}

async function* packed(
  pieces: AsyncGenerator<Uint8Array>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') yield* pieces;
  else if (compression === 'gzip') yield* gzipped(pieces);
  else yield* zstandard(pieces);
}

async function* gzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* through(zlib.createGzip(), pieces);
}

/** Of Node 22.15 and later. */
const { createZstdCompress } = zlib as { createZstdCompress?: () => Transform };

async function* zstandard(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (createZstdCompress !== undefined) yield* through(createZstdCompress(), pieces);
  else yield* storedFrame(pieces);
}

async function* through(
  transform: Transform,
  pieces: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let failed: unknown;
  const fed = (async () => {
    for await (const piece of pieces) if (!transform.write(piece)) await once(transform, 'drain');
    transform.end();
  })().catch((error: unknown) => {
    failed = error;
    transform.destroy(error as Error);
  });
  try {
    for await (const piece of transform) yield piece as Uint8Array;
  } catch (error) {
    throw failed ?? error;
  }
  await fed;
}

/** The most that a block holds (RFC 8878, section 3.1.1.2). */
const BLOCK = 1 << 17;

/** A zstd frame of raw blocks: valid, and no smaller than its bytes. For versions of Node without zstd. */
async function* storedFrame(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Magic number; no content size, no checksum; a window of 128 KiB.
  yield Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38);
  const header = (size: number, last: boolean): Uint8Array => {
    const n = (size << 3) | (last ? 1 : 0);
    return Uint8Array.of(n & 255, (n >> 8) & 255, (n >> 16) & 255);
  };
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += BLOCK) {
      const block = piece.subarray(at, at + BLOCK);
      yield header(block.length, false);
      yield block;
    }
  }
  yield header(0, true);
}
