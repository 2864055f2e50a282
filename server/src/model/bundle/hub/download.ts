import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../../../files/folder.js';
import { errorCode, exists } from '../../files.js';
import { repositoryFolder, type HubName, type HubSettings } from './place.js';
import { HubError, request, TRIES, type RequestOptions } from './request.js';
import { messageOf } from '../../../errors.js';

/** A file of a repository at one commit. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** SHA-256 of a large file; of a small one the SHA-1 of git's blob. Names the blob in the cache. */
  readonly hash: string;
}

export interface DownloadOptions extends RequestOptions {
  /** Called with the bytes that came; those of a part from before count at once. */
  readonly onBytes?: (bytes: number) => void;
}

/** Where what came of a file so far lies. */
export const incomplete = (blob: string): string => `${blob}.incomplete`;

/**
 * Brings one file into the hub's cache: `blobs/<hash>`, written to `<hash>.incomplete` and gone on with there
 * after a break, compared with the hub's hash, then linked from `snapshots/<commit>/<path>`.
 * @throws HubError naming the file; AbortError, and what came is kept
 */
export async function downloadFile(
  file: HubFile,
  commit: string,
  name: HubName,
  settings: HubSettings,
  options: DownloadOptions = {},
): Promise<void> {
  const folder = repositoryFolder(settings.cache, name);
  const pointer = join(folder, 'snapshots', commit, file.path);
  const blob = join(folder, 'blobs', file.hash);
  if (await hasSize(pointer, file.size)) return options.onBytes?.(file.size);
  makeFolder(dirname(blob));
  if (await hasSize(blob, file.size)) options.onBytes?.(file.size);
  else {
    const unlock = await lock(`${blob}.lock`, options.signal);
    try {
      if (await hasSize(blob, file.size)) options.onBytes?.(file.size);
      else await fetchBlob(file, blob, commit, name, settings, options);
    } finally {
      await unlock();
    }
  }
  await point(pointer, blob);
}

async function fetchBlob(
  file: HubFile,
  blob: string,
  commit: string,
  name: HubName,
  settings: HubSettings,
  options: DownloadOptions,
): Promise<void> {
  const part = incomplete(blob);
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  const url = `${settings.endpoint}/${name.id}/resolve/${commit}/${path}`;
  const { signal, retryDelay = 1000, onBytes } = options;
  let told = 0;
  const tell = (total: number): void => {
    onBytes?.(total - told);
    told = total;
  };
  let damaged = false;
  for (let failures = 0; ;) {
    const have = await sizeOf(part);
    if (have > file.size) await rm(part);
    tell(Math.min(have, file.size));
    try {
      if (have < file.size || file.size === 0) {
        await append(part, have, url, settings, name, { ...options, onBytes: tell });
      }
      if ((await sizeOf(part)) < file.size) throw new Error('the connection ended early');
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError || isDisk(error)) throw error;
      // What came counts as progress: only a line that gives nothing, time and again, is given up.
      failures = (await sizeOf(part)) > have ? 1 : failures + 1;
      if (failures >= TRIES) {
        throw new HubError(`${url}: ${messageOf(error)}; the same command goes on from there`);
      }
      await sleep(retryDelay * 2 ** (failures - 1), undefined, { signal });
      continue;
    }
    if (await hashMatches(part, file, signal)) break;
    await rm(part);
    tell(0);
    if (damaged) {
      throw new HubError(`${url}: what comes has another hash than the hub says (${file.hash})`);
    }
    damaged = true;
  }
  await rename(part, blob);
}

async function append(
  part: string,
  have: number,
  url: string,
  settings: HubSettings,
  name: HubName,
  { onBytes, ...options }: DownloadOptions,
): Promise<void> {
  const headers: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const response = await request(url, settings, name, { ...options, headers });
  const resumed = response.status === 206;
  // A server without ranges sends everything again; 416 says that what we have fits nothing there.
  const at = resumed ? have : 0;
  const handle = await open(part, resumed ? 'a' : 'w');
  try {
    if (response.status === 416) return;
    let done = at;
    for await (const chunk of response.body ?? []) {
      await handle.write(chunk as Uint8Array);
      done += (chunk as Uint8Array).byteLength;
      onBytes?.(done);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Errors of the disk are not the line's. */
const isDisk = (error: unknown): boolean =>
  /^(ENOSPC|EDQUOT|EACCES|EPERM|EROFS|EIO)$/.test(errorCode(error) ?? '');

async function hashMatches(part: string, file: HubFile, signal?: AbortSignal): Promise<boolean> {
  const size = await sizeOf(part);
  if (size !== file.size) return false;
  const hash: Hash =
    file.hash.length === 64
      ? createHash('sha256')
      : createHash('sha1').update(`blob ${file.size}\0`);
  for await (const chunk of createReadStream(part, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex') === file.hash;
}

/** Links the blob, relatively as huggingface_hub does; where links are not allowed the blob itself moves. */
async function point(pointer: string, blob: string): Promise<void> {
  makeFolder(dirname(pointer));
  await rm(pointer, { force: true });
  try {
    await symlink(relative(dirname(pointer), blob), pointer);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    await rename(blob, pointer);
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

async function hasSize(path: string, size: number): Promise<boolean> {
  return (await exists(path)) && (await sizeOf(path)) === size;
}

/** One process writes a blob at a time; the lock of a dead one is taken over. */
async function lock(path: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return () => rm(path, { force: true });
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (owner > 0 && !alive(owner)) await rm(path, { force: true });
    else await sleep(200, undefined, { signal });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
