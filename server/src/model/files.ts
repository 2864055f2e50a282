import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, rmSync } from 'node:fs';
import { mkdir, readFile, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '../files/folder.js';
import { isRunning, isThere, ownName } from '../files/processes.js';
import { messageOf } from '../errors.js';
import { byteSize } from '../protocol/index.js';

export type Json = Readonly<Record<string, unknown>>;

export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** A JSON object from a file. @throws Error naming the file and what is wrong with it */
export async function readJson(file: string): Promise<Json> {
  return parseJson(await readText(file), file);
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new Error(`${file}: the file is missing`);
    throw error;
  }
}

export function parseJson(text: string, file: string): Json {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`${file}: no readable JSON (${messageOf(error)})`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error(`${file}: expected a JSON object`);
  }
  return json as Json;
}

/** SHA-256 of a whole file, in hexadecimal. */
export async function fileHash(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Fills a folder beside `target` and renames it to `target` when all is written, so that no one ever
 * sees half a folder. When `target` exists by then, `replace` decides: if not, another process won the
 * race; its folder stays and ours is dropped.
 * @param resume given where `fill` can go on with what it wrote before: the name of the file that it notes its way
 *   in. A draft with that file outlives a kill or a cancellation (`signal`), and is filled further the next time
 */
export async function writeFolder(
  target: string,
  fill: (folder: string) => Promise<void>,
  replace: () => Promise<boolean>,
  resume?: { readonly notes: string; readonly signal?: AbortSignal },
): Promise<void> {
  makeFolder(dirname(target));
  const beside = (): string => `${target}.tmp-${randomBytes(4).toString('hex')}-${ownName()}`;
  const draft = beside();
  const old = beside();
  begin(draft, resume?.notes);
  if (!(resume && (await adopt(target, draft, resume.notes)))) await mkdir(draft);
  await removeLeftovers(dirname(target), resume?.notes);
  try {
    await fill(draft);
    if ((await exists(target)) && (await replace())) await rename(target, old);
    try {
      await rename(draft, target);
    } catch (error) {
      // The code differs between systems: ENOTEMPTY, EEXIST, EPERM.
      if (!(await exists(target))) throw error;
    }
  } finally {
    drafts.delete(resolve(draft));
    const kept = resume?.signal?.aborted === true && (await exists(join(draft, resume.notes)));
    if (!kept) await rm(draft, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
    // Once more: an evaluator whose program was killed may have ended since.
    await removeLeftovers(dirname(target), resume?.notes).catch(() => undefined);
  }
}

/** Drafts that this process is filling, by path, with the name of their notes. */
const drafts = new Map<string, string | undefined>();
let ending = false;

/** A process that ends in good order (its parent is gone, a signal) takes those with it that nobody can go on with. */
function begin(draft: string, notes: string | undefined): void {
  drafts.set(resolve(draft), notes);
  if (ending) return;
  ending = true;
  process.once('exit', () => {
    for (const [path, notes] of drafts) {
      if (notes !== undefined && existsSync(join(path, notes))) continue;
      rmSync(path, { recursive: true, force: true, maxRetries: 2 });
    }
  });
}

/** Takes over the draft of a run that ended: a rename, which one process alone can win. */
async function adopt(target: string, draft: string, notes: string): Promise<boolean> {
  const folder = dirname(target);
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (!name.startsWith(`${basename(target)}.tmp-`) || !isDraft(name)) continue;
    if (!(await exists(join(path, notes))) || (await isFilled(name, path))) continue;
    const won = await rename(path, draft).then(
      () => true,
      () => false,
    );
    if (won) return true;
  }
  return false;
}

/** Whether a process is at it still. */
async function isFilled(name: string, path: string): Promise<boolean> {
  if (name.endsWith(ownName())) return drafts.has(resolve(path));
  const age = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now());
  const old = OLD_DRAFT.exec(name);
  return old ? isThere(Number(old[1])) && age < DAY : isRunning(name, age);
}

/** A draft of today's versions ends with its process's name, one of older ones with a random number. */
const DRAFT = /\.tmp-[0-9a-f]{8}-\d+-\d+-[0-9a-f]{6}$/;
const OLD_DRAFT = /\.tmp-(\d+)-[0-9a-f]{8}$/;

/** Whether the name is that of a folder not yet finished. */
export function isDraft(name: string): boolean {
  return DRAFT.test(name) || OLD_DRAFT.test(name);
}

/** Removes drafts, each of a model's size, whose processes are gone; those that can be gone on with after some days. */
async function removeLeftovers(folder: string, notes?: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!isDraft(name)) continue;
    const path = join(folder, name);
    if (await isFilled(name, path)) continue;
    const noted =
      notes === undefined ? undefined : await stat(join(path, notes)).catch(() => undefined);
    if (noted !== undefined && Date.now() - noted.mtimeMs < 3 * DAY) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

const DAY = 24 * 3600 * 1000;

/** @throws Error naming the folder, the bytes needed and the bytes free */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  let at = folder;
  while (!(await exists(at)) && dirname(at) !== at) at = dirname(at);
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  if (free < bytes) {
    const error = new Error(
      `${dirname(folder)}: the converted weights need ${byteSize(bytes, Math.ceil)}, the disk has ` +
        `${byteSize(free, Math.floor)} free; QRM_LENS_CACHE puts the cache on another disk`,
    );
    throw Object.assign(error, { code: 'ENOSPC' });
  }
}

/** `org/name` for a folder of the Hugging Face cache, else the folder's or file's own name. */
export function modelName(path: string): string {
  const hub = /models--(.+?)--(.+?)[/\\]snapshots[/\\][^/\\]+[/\\]?$/.exec(path);
  return hub ? `${hub[1]}/${hub[2]}` : basename(path).replace(/\.gguf$/i, '');
}
