import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { AsyncBuffer } from 'hyparquet';
import type { DatasetSource } from './formats.js';

const CHUNK = 1 << 20;

export const sourceName = (source: DatasetSource): string =>
  'path' in source ? source.path : source.name;

/** The bytes of a source from offset `start` on, in chunks. */
export async function* openBytes(
  source: DatasetSource,
  start: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if ('path' in source) {
    yield* createReadStream(source.path, {
      start,
      highWaterMark: CHUNK,
      signal,
    }) as AsyncIterable<Buffer>;
    return;
  }
  if ('bytes' in source) {
    for (let i = start; i < source.bytes.length; i += CHUNK)
      yield source.bytes.subarray(i, i + CHUNK);
    return;
  }
  let skip = start;
  for await (const chunk of source.stream) {
    signal?.throwIfAborted();
    if (skip >= chunk.length) skip -= chunk.length;
    else {
      yield skip > 0 ? chunk.subarray(skip) : chunk;
      skip = 0;
    }
  }
}

/** Takes at least `want` bytes (or all) off the front of a stream; `rest` begins with them again. */
export async function peek(
  source: AsyncIterable<Uint8Array>,
  want: number,
): Promise<{ head: Buffer; rest: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let done = false;
  let failed: { error: unknown } | undefined;
  while (size < want && !done) {
    try {
      const next = await iterator.next();
      if (next.done === true) done = true;
      else {
        chunks.push(next.value);
        size += next.value.length;
      }
    } catch (error) {
      failed = { error };
      done = true;
    }
  }
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks.splice(0);
      // The error comes after the bytes that were read before it.
      if (failed !== undefined) throw failed.error;
      while (!done) {
        const next = await iterator.next();
        if (next.done === true) done = true;
        else yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: Buffer.concat(chunks), rest: rest() };
}

/**
 * Random access for Parquet. A stream (or a compressed file) has none: `bytes` are collected, since
 * Parquet's index stands at its end.
 */
export async function randomAccess(
  path: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<{ file: AsyncBuffer; close(): Promise<void> }> {
  if (path !== undefined) {
    const handle = await open(path, 'r');
    const { size } = await handle.stat();
    return {
      file: {
        byteLength: size,
        async slice(start, end = size) {
          signal?.throwIfAborted();
          const out = new ArrayBuffer(end - start);
          const view = new Uint8Array(out);
          for (let at = 0; at < view.length;) {
            const { bytesRead } = await handle.read(view, at, view.length - at, start + at);
            if (bytesRead === 0) throw new Error(`the file ends at byte ${start + at}`);
            at += bytesRead;
          }
          return out;
        },
      },
      close: () => handle.close(),
    };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) {
    signal?.throwIfAborted();
    chunks.push(chunk);
  }
  const all = Uint8Array.from(Buffer.concat(chunks));
  return {
    file: { byteLength: all.length, slice: (start, end) => all.buffer.slice(start, end) },
    close: () => Promise.resolve(),
  };
}
