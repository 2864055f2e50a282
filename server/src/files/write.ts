import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { isRunning, ownName } from './processes.js';
import { systemReason } from './reasons.js';
import { isReplaceable, targetOf, type Target } from './target.js';

/** Characters gathered before they are written. */
const BATCH = 1 << 16;
/** A folder is searched for what killed processes left at the first write into it, and then at most once in so many ms. */
const SEARCH_MS = 60_000;

export type Write = (piece: string | Uint8Array) => Promise<void>;

/**
 * Writes a file by way of a neighbour: it is there whole or not at all, with the mode and owner of the one
 * that it replaces. Links are followed; a pipe, a terminal or `/dev/null` is written through, as is a file
 * that cannot be replaced without becoming another's.
 * @param fill is given a function that writes, to be awaited
 * @param signal ends the wait for a pipe's reader
 * @returns the size in bytes
 * @throws what `fill` throws, EPIPE, AbortError, or an Error naming the path and why it cannot be written
 */
export async function writeWhole(
  path: string,
  fill: (write: Write) => Promise<void>,
  signal?: AbortSignal,
): Promise<number> {
  const target = targetOf(path);
  if (target.kind !== 'file' || (target.old && !isReplaceable(target.path, target.old))) {
    const sink = await openSink(path, target, signal);
    let bytes = 0;
    try {
      await fill(async (piece) => {
        bytes += piece.length === 0 ? 0 : Buffer.byteLength(piece);
        await sink.write(piece);
      });
      await sink.end();
    } finally {
      await sink.close();
    }
    return bytes;
  }
  return replace(path, target, fill);
}

async function replace(
  path: string,
  { path: at, old }: Target & { kind: 'file' },
  fill: (write: Write) => Promise<void>,
): Promise<number> {
  const folder = dirname(resolve(at));
  await removeParts(folder);
  const part = join(folder, `.qrm-lens-${randomBytes(4).toString('hex')}-${ownName()}.part`);
  let bytes = 0;
  try {
    const file = await named(path, open(part, 'wx', old && old.mode & 0o777));
    try {
      if (old) {
        await file.chown(old.uid, old.gid).catch(() => undefined); // the group of another folder
        await named(path, file.chmod(old.mode & 0o7777));
      }
      await fill(async (piece) => {
        const data = typeof piece === 'string' ? Buffer.from(piece) : piece;
        await named(path, writeAll(file, data));
        bytes += data.length;
      });
      await named(path, file.sync());
    } finally {
      await file.close();
    }
    await named(path, rename(part, at));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return bytes;
}

/** When a folder was searched last: a cache of many small files would be listed as often as it is written. */
const searched = new Map<string, number>();

/** Parts of files whose processes were killed. */
async function removeParts(folder: string): Promise<void> {
  const now = performance.now();
  if ((searched.get(folder) ?? -Infinity) + SEARCH_MS > now) return;
  for (const [old, at] of searched) if (at + SEARCH_MS <= now) searched.delete(old);
  searched.set(folder, now);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith('.qrm-lens-') || !name.endsWith('.part')) continue;
    const path = join(folder, name);
    const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
    if (isRunning(name.slice(0, -'.part'.length), age)) continue;
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** What is written as it comes. */
export interface Sink {
  write: Write;
  /** All was written. */
  end(): Promise<void>;
  close(): Promise<void>;
}

/** @param signal ends the wait for a pipe's reader */
export async function openSink(path: string, target: Target, signal?: AbortSignal): Promise<Sink> {
  const nothing = () => Promise.resolve();
  if (target.kind === 'descriptor' && target.fd <= 2) {
    const stream = target.fd === 2 ? process.stderr : process.stdout;
    return { write: (piece) => writeTo(stream, piece), end: nothing, close: nothing };
  }
  const at = target.kind === 'descriptor' ? `/dev/fd/${target.fd}` : target.path;
  const file = await opened(path, at, target.kind, signal);
  let bytes = 0;
  return {
    async write(piece) {
      const data = typeof piece === 'string' ? Buffer.from(piece) : piece;
      await named(path, writeAll(file, data, signal));
      bytes += data.length;
    },
    // A regular file that is written in place may have been longer.
    end: () => (target.kind === 'file' ? named(path, file.truncate(bytes)) : nothing()),
    close: () => file.close(),
  };
}

/** A pipe is opened without waiting in the kernel, where nothing could end the wait. */
async function opened(
  path: string,
  at: string,
  kind: Target['kind'],
  signal?: AbortSignal,
): Promise<FileHandle> {
  const { O_WRONLY, O_NONBLOCK } = constants;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await open(at, kind === 'file' ? 'r+' : O_WRONLY | (O_NONBLOCK ?? 0));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const waiting = code === 'ENXIO' && (await stat(at)).isFIFO();
      if (!waiting) throw new Error(`${path}: ${systemReason(error)}`, { cause: error });
    }
    await setTimeout(50);
  }
}

async function writeAll(file: FileHandle, data: Uint8Array, signal?: AbortSignal): Promise<void> {
  for (let at = 0; at < data.length;) {
    try {
      at += (await file.write(data, at, data.length - at)).bytesWritten;
    } catch (error) {
      // The pipe is full.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      signal?.throwIfAborted();
      await setTimeout(5);
    }
  }
}

/** To a stream, as fast as its reader takes it. @throws EPIPE when the reader has left */
export async function writeTo(
  stream: NodeJS.WriteStream,
  piece: string | Uint8Array,
): Promise<void> {
  if (stream.errored) throw stream.errored;
  if (!stream.write(piece)) await once(stream, 'drain');
}

/** Errors of the system with the path that the user knows; EPIPE stays what it is. */
async function named<T>(path: string, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || code === 'EPIPE') throw error;
    throw new Error(`${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** A report's lines into a file, in pieces as they come. */
export function writeLines(
  lines: Iterable<string> | AsyncIterable<string>,
  path: string,
  signal?: AbortSignal,
): Promise<number> {
  return writeWhole(
    path,
    async (write) => {
      let batch = '';
      for await (const line of lines) {
        batch += `${line}\n`;
        if (batch.length < BATCH) continue;
        await write(batch);
        batch = '';
      }
      await write(batch);
    },
    signal,
  );
}
