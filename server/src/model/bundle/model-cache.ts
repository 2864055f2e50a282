import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '../../files/cache-folder.js';
import { isRunning, namesProcess, ownName } from '../../files/processes.js';
import { writeBackbone, type BackboneSource, type LinkedFile } from './backbone/files.js';
import { BACKBONE, BACKBONE_DATA, GRAPH_VERSION, PATHS_VERSION } from './format/manifest.js';
import type { Form } from './backbone/form.js';
import { PREFIX } from './backbone/prefix.js';
import type { Precision } from '../../protocol/index.js';
import type { ConvertOptions } from '../graph/convert-weights.js';
import { JOURNAL } from '../graph/journal.js';
import { PATHS } from '../graph/paths/file.js';
import { errorCode, isDraft, readJson, writeFolder } from '../files.js';

/** Written last: what a converted model is made of. */
const ENTRY = 'model.json';
/** Converted models beyond this are removed, the least recently used first. */
const MAX_BYTES = 20e9;
/** Of backbone.onnx, raised where it must be written again though its numbers stay (3: twins of shared weights, two digits of few channels). */
const LAYOUT = 3;
/** Models used this recently may be open in another process. */
const RECENT = 3600 * 1000;

export interface CacheEntry {
  readonly name: string;
  /** Where it was converted from. */
  readonly path: string;
  readonly precision: Precision;
  readonly attributes: number;
  readonly licence?: string;
  readonly graphVersion: number;
  /** Of the graph of paths. */
  readonly variant?: string;
  readonly layout?: number;
  /** Bytes of the files that were written. */
  readonly files: Readonly<Record<string, number>>;
  /** Files of the checkpoint that are used in place. */
  readonly linked: readonly LinkedFile[];
}

/** The key of a model's numbers: content, precision and version of the conversion. */
export function modelKey(fingerprint: string, { precision, variant }: Form): string {
  return variant === undefined
    ? `${fingerprint}-${precision}-g${GRAPH_VERSION}`
    : `${fingerprint}-${precision}-${variant.id}-p${PATHS_VERSION}`;
}

/**
 * The converted backbone of a model, made at first use: `<cache>/models/<key>/backbone.onnx`. Two
 * processes may convert at once: the folder appears by a rename, whole or not at all. Where nothing can be
 * written there, a temporary folder takes its place, for this process alone.
 * @param cache undefined where the user has none
 * @returns path of the .onnx file
 */
export async function cachedBackbone(
  model: BackboneSource & {
    name: string;
    attributes: number;
    licence?: string;
    fingerprint: string;
  },
  form: Form,
  cache: string | undefined,
  options: ConvertOptions & { inPlace?: boolean },
): Promise<string> {
  if (cache === undefined) return convertInto(model, form, temporaryCache(), options);
  try {
    return await convertInto(model, form, cache, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!isNoPlace(error)) throw error;
    return convertInto(model, form, temporaryCache(), options).catch((again: unknown) => {
      options.signal?.throwIfAborted();
      throw isNoPlace(again) ? error : again;
    });
  }
}

/** The user's cache folder, or undefined where the user has no home. */
export function cacheIfAny(): string | undefined {
  try {
    return cacheFolder();
  } catch {
    return undefined;
  }
}

/** Nothing can be written there, for whatever reason. */
function isNoPlace(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && NO_PLACE.has(code);
}

const NO_PLACE = new Set(
  'EACCES EPERM EROFS ENOSPC EDQUOT EFBIG ENOENT ENOTDIR ELOOP ENAMETOOLONG EIO EMLINK'.split(' '),
);

let temporary: string | undefined;

/** A folder of this process, which goes with it; those of processes that were killed go now. */
function temporaryCache(): string {
  if (temporary !== undefined) return temporary;
  const prefix = 'qrm-lens-';
  const remove = (path: string) => rmSync(path, { recursive: true, force: true });
  for (const name of readdirSync(tmpdir())) {
    const path = join(tmpdir(), name);
    if (!name.startsWith(prefix) || !namesProcess(name)) continue;
    try {
      if (!isRunning(name, Date.now() - statSync(path).mtimeMs)) remove(path);
    } catch {
      // Another user's.
    }
  }
  const made = join(tmpdir(), `${prefix}${randomBytes(4).toString('hex')}-${ownName()}`);
  mkdirSync(made, { mode: 0o700 });
  process.on('exit', () => remove(made));
  return (temporary = made);
}

async function convertInto(
  model: Parameters<typeof cachedBackbone>[0],
  form: Form,
  cache: string,
  options: ConvertOptions & { inPlace?: boolean },
): Promise<string> {
  const target = join(cache, 'models', modelKey(model.fingerprint, form));
  if (!(await isWhole(target))) {
    const fill = async (folder: string): Promise<void> => {
      const key = `${modelKey(model.fingerprint, form)}-${LAYOUT}`;
      const linked = await writeBackbone(model, form, folder, {
        ...options,
        journal: { key },
      });
      const files: Record<string, number> = {};
      const names = [BACKBONE, BACKBONE_DATA, PREFIX, ...(form.variant ? [PATHS] : [])];
      for (const name of names) {
        files[name] = (await stat(join(folder, name))).size;
      }
      const entry: CacheEntry = {
        name: model.name,
        path: model.path,
        precision: form.precision,
        attributes: model.attributes,
        licence: model.licence,
        graphVersion: form.variant ? PATHS_VERSION : GRAPH_VERSION,
        ...(form.variant ? { variant: form.variant.id } : {}),
        layout: LAYOUT,
        files,
        linked,
      };
      await writeFile(join(folder, ENTRY), JSON.stringify(entry, null, 2));
    };
    const resume = { notes: JOURNAL, signal: options.signal };
    await writeFolder(target, fill, async () => !(await isWhole(target)), resume);
    await evict(cache, target);
  }
  const now = new Date();
  await utimes(join(target, ENTRY), now, now).catch(() => undefined);
  return join(target, BACKBONE);
}

/** Whether every file is there with its size, and no linked file was written to since. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    const entry = await readEntry(folder);
    const version = entry.variant === undefined ? GRAPH_VERSION : PATHS_VERSION;
    if (entry.graphVersion !== version) return false;
    const tiles = entry.variant === undefined && entry.precision === 'int8';
    if (tiles && entry.layout !== LAYOUT) return false;
    for (const [name, size] of Object.entries(entry.files)) {
      if ((await stat(join(folder, name))).size !== size) return false;
    }
    for (const { file, size, mtimeMs } of entry.linked) {
      const found = await stat(join(folder, file));
      if (found.size !== size || found.mtimeMs !== mtimeMs) return false;
    }
    return true;
  } catch {
    return false;
  }
}

async function readEntry(folder: string): Promise<CacheEntry> {
  return (await readJson(join(folder, ENTRY))) as unknown as CacheEntry;
}

export interface CachedModel extends CacheEntry {
  readonly folder: string;
  readonly bytes: number;
  readonly lastUsed: number;
}

/** The converted models, the most recently used first. */
export async function cachedModels(cache: string | undefined): Promise<CachedModel[]> {
  const out: CachedModel[] = [];
  for (const folder of await folders(cache)) {
    if (!(await isWhole(folder))) continue;
    const entry = await readEntry(folder);
    const bytes = Object.values(entry.files).reduce((a, b) => a + b, 0);
    const lastUsed = (await stat(join(folder, ENTRY))).mtimeMs;
    out.push({ ...entry, folder, bytes, lastUsed });
  }
  return out.sort((a, b) => b.lastUsed - a.lastUsed);
}

async function folders(cache: string | undefined): Promise<string[]> {
  if (cache === undefined) return [];
  const root = join(cache, 'models');
  const names = await readdir(root).catch((error: unknown) => {
    if (isNoPlace(error)) return [];
    throw error;
  });
  return names.filter((name) => !isDraft(name)).map((name) => join(root, name));
}

/** Removes conversions of other versions, and those beyond MAX_BYTES. */
async function evict(cache: string, keep: string): Promise<void> {
  // A file that another process holds open on Windows cannot be removed: it goes next time.
  const remove = (folder: string): Promise<void> =>
    rm(folder, { recursive: true, force: true }).catch(() => undefined);
  const idle = (since: number): boolean => Date.now() - since > RECENT;
  for (const folder of await folders(cache)) {
    const age = await stat(folder).catch(() => undefined);
    if (age && idle(age.mtimeMs) && !(await isWhole(folder))) await remove(folder);
  }
  let total = 0;
  for (const { folder, bytes, lastUsed } of await cachedModels(cache)) {
    total += bytes;
    if (total > MAX_BYTES && folder !== keep && idle(lastUsed)) await remove(folder);
  }
}
