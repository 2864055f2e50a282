import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writeBackbone, type BackboneSource, type LinkedFile } from './backbone-files.js';
import { BACKBONE, BACKBONE_DATA, GRAPH_VERSION } from './bundle-format.js';
import { PREFIX } from './prefix.js';
import type { ConvertOptions, Precision } from '../graph/convert-weights.js';
import { errorCode, isDraft, readJson, writeFolder } from '../files.js';

/** Written last: what a converted model is made of. */
const ENTRY = 'model.json';
/** Converted models beyond this are removed, the least recently used first. */
const MAX_BYTES = 20e9;
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
  /** Bytes of the files that were written. */
  readonly files: Readonly<Record<string, number>>;
  /** Files of the checkpoint that are used in place. */
  readonly linked: readonly LinkedFile[];
}

/**
 * The folder for what can be made again: `QRM_LENS_CACHE`, else the platform's place for caches. The
 * same rule as the score store's (store/location.ts); both stand alone.
 */
export function defaultCacheFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env['QRM_LENS_CACHE']) return env['QRM_LENS_CACHE'];
  if (env['XDG_CACHE_HOME']) return join(env['XDG_CACHE_HOME'], 'qrm-lens');
  if (platform === 'win32' && env['LOCALAPPDATA']) return join(env['LOCALAPPDATA'], 'qrm-lens');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'qrm-lens');
  return join(homedir(), '.cache', 'qrm-lens');
}

/** The key of a model's numbers: content, precision and version of the conversion. */
export function modelKey(fingerprint: string, precision: Precision): string {
  return `${fingerprint}-${precision}-g${GRAPH_VERSION}`;
}

/**
 * The converted backbone of a model, made at first use: `<cache>/models/<key>/backbone.onnx`. Two
 * processes may convert at once: the folder appears by a rename, whole or not at all.
 * @returns path of the .onnx file
 */
export async function cachedBackbone(
  model: BackboneSource & {
    name: string;
    attributes: number;
    licence?: string;
    fingerprint: string;
  },
  precision: Precision,
  cache: string,
  options: ConvertOptions & { inPlace?: boolean },
): Promise<string> {
  const target = join(cache, 'models', modelKey(model.fingerprint, precision));
  if (!(await isWhole(target))) {
    const fill = async (folder: string): Promise<void> => {
      const linked = await writeBackbone(model, precision, folder, options);
      const files: Record<string, number> = {};
      for (const name of [BACKBONE, BACKBONE_DATA, PREFIX]) {
        files[name] = (await stat(join(folder, name))).size;
      }
      const entry: CacheEntry = {
        name: model.name,
        path: model.path,
        precision,
        attributes: model.attributes,
        licence: model.licence,
        graphVersion: GRAPH_VERSION,
        files,
        linked,
      };
      await writeFile(join(folder, ENTRY), JSON.stringify(entry, null, 2));
    };
    await writeFolder(target, fill, async () => !(await isWhole(target)));
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
    if (entry.graphVersion !== GRAPH_VERSION) return false;
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
export async function cachedModels(cache: string): Promise<CachedModel[]> {
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

async function folders(cache: string): Promise<string[]> {
  const root = join(cache, 'models');
  const names = await readdir(root).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
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
