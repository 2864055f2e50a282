import { open, stat } from 'node:fs/promises';
import type { AsyncBuffer } from 'hyparquet';
import type { DatasetSource, Part } from '../formats.js';

const CHUNK = 1 << 20;
/** No page or footer of a Parquet file is longer. */
const MAX_SLICE = 1 << 30;

export const sourceName = (source: DatasetSource): string =>
  'path' in source ? source.path : source.name;

let progress: () => void = () => undefined;

/** Has `listener` told whenever bytes are read: whoever watches over the process sees that it gets on. */
export function onProgress(listener: () => void): void {
  progress = listener;
}

/** Says that bytes were read (or decompressed). */
export const advanced = (): void => progress();

/** An error of a path, with the fields by which those of the file system are told. */
const pathError = (code: string, path: string, message: string): Error =>
  Object.assign(new Error(`${code}: ${message}, open '${path}'`), { code, syscall: 'open', path });

/**
 * Opens a regular file. Anything else is refused before it is opened: a pipe without a writer would
 * never open, a device may have no end.
 * @throws errors with `code` and `syscall`, as those of the file system
 */
async function openFile(path: string) {
  const found = await stat(path);
  if (found.isDirectory()) throw pathError('EISDIR', path, 'a folder, expected a file');
  if (!found.isFile()) {
    const kind = found.isFIFO() ? 'a pipe' : found.isSocket() ? 'a socket' : 'a device';
    throw pathError('ENOTSUP', path, `${kind}, expected a file`);
  }
  const handle = await open(path, 'r');
  return { handle, size: (await handle.stat()).size };
}

/** @param least byte that the file must reach, whatever its size now is */
async function* fileBytes(
  path: string,
  start: number,
  signal?: AbortSignal,
  end = Infinity,
  least = 0,
): AsyncGenerator<Uint8Array> {
  const { handle, size } = await openFile(path);
  const whole = Math.min(Math.max(size, least), end);
  try {
    for (let at = start; at < end;) {
      signal?.throwIfAborted();
      const length = Math.min(CHUNK, end - at);
      const chunk = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(chunk, 0, length, at);
      if (bytesRead === 0) {
        if (at < whole || least > size)
          throw new Error(
            `the file had ${whole} bytes and ends at byte ${Math.min(at, size)} now: it was cut while it was read`,
          );
        return;
      }
      progress();
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

/** The bytes of a part of a file, in chunks. */
export const partBytes = (path: string, { from, to }: Part, signal?: AbortSignal) =>
  fileBytes(path, from, signal, to, to ?? from);

/** The bytes of a source from offset `start` on, in chunks. */
export async function* openBytes(
  source: DatasetSource,
  start: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if ('path' in source) {
    yield* fileBytes(source.path, start, signal);
    return;
  }
  if ('bytes' in source) {
    for (let i = start; i < source.bytes.length; i += CHUNK) {
      progress();
      yield source.bytes.subarray(i, i + CHUNK);
    }
    return;
  }
  let skip = start;
  for await (const chunk of source.stream) {
    signal?.throwIfAborted();
    progress();
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
  const generator = rest();
  const close = generator.return.bind(generator);
  // A generator that was never begun has no `finally` to run: the source is closed all the same.
  generator.return = async (value) => {
    await iterator.return?.();
    return close(value);
  };
  return { head: Buffer.concat(chunks), rest: generator };
}

/**
 * Random access for Parquet. A stream (or a compressed file) has none: `bytes` are collected, since
 * Parquet's index stands at its end.
 */
export async function randomAccess(
  path: string | undefined,
  bytes: AsyncIterable<Uint8Array> | undefined,
  signal?: AbortSignal,
): Promise<{ file: AsyncBuffer; close(): Promise<void> }> {
  if (path !== undefined) {
    const { handle, size } = await openFile(path);
    return {
      file: {
        byteLength: size,
        async slice(start, end = size) {
          signal?.throwIfAborted();
          checkSlice(start, end, size);
          const out = new ArrayBuffer(end - start);
          const view = new Uint8Array(out);
          for (let at = 0; at < view.length;) {
            const { bytesRead } = await handle.read(view, at, view.length - at, start + at);
            if (bytesRead === 0) throw new Error(`the file ends at byte ${start + at}`);
            progress();
            at += bytesRead;
          }
          return out;
        },
      },
      close: () => handle.close(),
    };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes ?? []) {
    signal?.throwIfAborted();
    chunks.push(chunk);
  }
  const all = Uint8Array.from(Buffer.concat(chunks));
  return {
    file: {
      byteLength: all.length,
      slice(start, end = all.length) {
        checkSlice(start, end, all.length);
        progress();
        return all.buffer.slice(start, end);
      },
    },
    close: () => Promise.resolve(),
  };
}

/** Offsets come from the file itself: a damaged one has any. */
function checkSlice(start: number, end: number, size: number): void {
  if (start >= 0 && start <= end && end <= size && end - start <= MAX_SLICE) return;
  throw new Error(`it names bytes ${start} to ${end} of its ${size}`);
}
