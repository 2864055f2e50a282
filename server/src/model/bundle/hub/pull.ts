import { readFile, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { byteSize, duration } from '../../../protocol/index.js';
import { makeFolder } from '../../../files/folder.js';
import { exists, parseJson } from '../../files.js';
import { downloadFile, incomplete, type DownloadOptions, type HubFile } from './download.js';
import {
  cachedSnapshot,
  hubSettings,
  repositoryFolder,
  type HubName,
  type HubSettings,
} from './place.js';
import { HubError, request } from './request.js';

export interface PullOptions extends Omit<DownloadOptions, 'onBytes' | 'headers'> {
  readonly settings?: HubSettings;
  /** @param fraction 0..1 */
  readonly onProgress?: (progress: { message: string; fraction: number }) => void;
  /** Ask the hub even if the cache has the revision: a branch may have moved. */
  readonly refresh?: boolean;
}

/** Heads that LDL-Reward keeps in files of their own. */
const SIDE_HEADS = /^(regression|gating)_layer\.safetensors$/;

interface ModelInfo {
  readonly sha: string;
  readonly siblings: readonly {
    rfilename: string;
    size?: number;
    blobId?: string;
    lfs?: { sha256?: string; oid?: string; size?: number };
  }[];
}

/** Beside the weights: what a model is read with, and the texts of its licence. */
const SMALL =
  /^(config\.json|tokenizer\.json|tokenizer_config\.json|chat_template\.jinja|bundle\.json|heads\.(json|safetensors)|adapter_config\.json|model\.safetensors\.index\.json|README\.md|(LICEN[CS]E|NOTICE|USE_POLICY)[\w.-]*)$/i;

/**
 * A model's snapshot in the hub's cache, downloaded where it is not there whole: only the files that are
 * needed, gone on with after a break, compared with the hub's sizes and hashes.
 * @returns the snapshot's folder
 * @throws HubError in words for a user; AbortError
 */
export async function pull(name: HubName, options: PullOptions = {}): Promise<string> {
  const settings = options.settings ?? (await hubSettings());
  const cached = await cachedSnapshot(settings.cache, name);
  if (cached !== undefined && (settings.offline || !options.refresh)) return cached;
  if (settings.offline) {
    throw new HubError(
      `${name.id}@${name.revision} is not in the cache ${settings.cache}, and HF_HUB_OFFLINE is set`,
    );
  }
  options.onProgress?.({ message: `Asking ${settings.endpoint} for ${name.id}`, fraction: 0 });
  const { sha, siblings } = await modelInfo(name, settings, options);
  if (!/^[0-9a-f]{40}$/.test(sha))
    throw new HubError(`${settings.endpoint}: no commit of ${name.id}`);
  const files = siblings.flatMap(fileOf);
  const first = files.filter(({ path }) => SMALL.test(path));
  for (const file of first) await downloadFile(file, sha, name, settings, options);
  const folder = join(repositoryFolder(settings.cache, name), 'snapshots', sha);
  const weights = await weightFiles(files, folder, name);
  // Nothing is said of a download that finds all of it there.
  const missing = await requireRoom(weights, settings, name);
  const show = missing > 0 ? rateOf(name, weights, options.onProgress) : () => undefined;
  for (const file of weights) {
    await downloadFile(file, sha, name, settings, { ...options, onBytes: show });
  }
  const ref = join(repositoryFolder(settings.cache, name), 'refs', name.revision);
  if (name.revision !== sha) {
    makeFolder(dirname(ref));
    await writeFile(ref, sha);
  }
  return folder;
}

/**
 * What a model's weights take, asked of the hub: nothing is downloaded.
 * @returns bytes of all weights that would be fetched, and of those that are not in the cache
 * @throws HubError in words for a user; AbortError
 */
export async function inspect(
  name: HubName,
  options: PullOptions = {},
): Promise<{ bytes: number; missing: number }> {
  const settings = options.settings ?? (await hubSettings());
  if (settings.offline) throw new HubError(`HF_HUB_OFFLINE is set: ${name.id} cannot be asked for`);
  const { siblings } = await modelInfo(name, settings, options);
  const blobs = join(repositoryFolder(settings.cache, name), 'blobs');
  let [bytes, missing] = [0, 0];
  for (const file of siblings.flatMap(fileOf)) {
    if (!/^[^/]+\.(safetensors|gguf)$/i.test(file.path)) continue;
    bytes += file.size;
    missing += await missingOf(blobs, file);
  }
  return { bytes, missing };
}

/** A path that leads out of the snapshot, or a hash that is none, is no file for us. */
function fileOf({ rfilename: path, lfs, blobId, size }: ModelInfo['siblings'][number]): HubFile[] {
  const hash = lfs?.sha256 ?? lfs?.oid ?? blobId ?? '';
  if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash) || /(^|\/)\.\.?(\/|$)|^\/|\\/.test(path))
    return [];
  return [{ path, hash, size: lfs?.size ?? size ?? 0 }];
}

async function modelInfo(
  name: HubName,
  settings: HubSettings,
  options: PullOptions,
): Promise<ModelInfo> {
  const revision = encodeURIComponent(name.revision);
  const url = `${settings.endpoint}/api/models/${name.id}/revision/${revision}?blobs=true`;
  const json = parseJson(
    await (await request(url, settings, name, { tries: 4, ...options })).text(),
    url,
  );
  if (typeof json['sha'] !== 'string' || !Array.isArray(json['siblings'])) {
    throw new HubError(`${url}: expected a model's "sha" and "siblings"`);
  }
  return json as unknown as ModelInfo;
}

/** The weights to fetch. @throws HubError saying what a repository without readable ones has */
async function weightFiles(
  files: readonly HubFile[],
  folder: string,
  name: HubName,
): Promise<HubFile[]> {
  const named = (paths: readonly string[]): HubFile[] =>
    paths.map((path) => {
      const file = files.find((f) => f.path === path);
      if (file === undefined)
        throw new HubError(`${name.id}: its index names ${path}, which is not there`);
      return file;
    });
  if (files.some(({ path }) => path === 'bundle.json')) {
    return files.filter(({ path }) => !path.includes('/') && !SMALL.test(path));
  }
  const heads = files.filter(({ path }) => SIDE_HEADS.test(path));
  const pickledHead = files.find(({ path }) => /^(regression|gating)_layer\.pt$/.test(path));
  if (pickledHead !== undefined && heads.length === 0) {
    throw new HubError(
      `${name.id} has its heads as ${pickledHead.path} only, a pickle, which can run code and is not read: download the ` +
        `repository with Python, save regression_layer.pt and gating_layer.pt as .safetensors beside them ` +
        `(safetensors.torch.save_file), and give the folder`,
    );
  }
  const index = join(folder, 'model.safetensors.index.json');
  if (await exists(index)) {
    const map = parseJson(await readFile(index, 'utf8'), index)['weight_map'] ?? {};
    return [...heads, ...named([...new Set(Object.values(map as Record<string, string>))])];
  }
  const single = files.filter(({ path }) => /^(model|adapter_model)\.safetensors$/.test(path));
  if (single.length > 0) return [...heads, ...single];
  const ggufs = files.filter(({ path }) => /^[^/]+\.gguf$/i.test(path));
  if (ggufs.length === 1) return ggufs;
  if (ggufs.length > 1) {
    const some = ggufs.slice(0, 4).map(({ path }) => path);
    throw new HubError(
      `${name.id} has ${ggufs.length} GGUF files (${some.join(', ')}, …): download the one you want and give its path`,
    );
  }
  const pickle = files.find(({ path }) => /\.(bin|pt|pth|ckpt)$/.test(path));
  throw new HubError(
    pickle === undefined
      ? `${name.id} has no weights (no *.safetensors, no *.gguf): is it a model?`
      : `${name.id} has its weights as ${pickle.path} only, a pickle, which can run code and is not read; ` +
          `ask for safetensors, or convert it with transformers' save_pretrained`,
  );
}

/** @returns bytes of the files that are not in the cache. @throws HubError where the disk has no room for them */
async function requireRoom(
  files: readonly HubFile[],
  { cache }: HubSettings,
  name: HubName,
): Promise<number> {
  makeFolder(cache);
  const blobs = join(repositoryFolder(cache, name), 'blobs');
  let bytes = 0;
  for (const file of files) bytes += await missingOf(blobs, file);
  const { bavail, bsize } = await statfs(cache);
  if (bavail * bsize < bytes) {
    throw new HubError(
      `${cache}: ${name.id} needs ${byteSize(bytes, Math.ceil)}, the disk has ${byteSize(bavail * bsize, Math.floor)} free; ` +
        `HF_HUB_CACHE puts the hub's cache on another disk`,
    );
  }
  return bytes;
}

/** Bytes of a file that are still to come; a part of it may be there. */
async function missingOf(blobs: string, { hash, size }: HubFile): Promise<number> {
  const blob = join(blobs, hash);
  if (await exists(blob)) return 0;
  const part = await stat(incomplete(blob)).catch(() => undefined);
  return Math.max(0, size - (part?.size ?? 0));
}

/** Tells how much of all files has come, how fast, and the time left. */
function rateOf(
  name: HubName,
  files: readonly HubFile[],
  onProgress: PullOptions['onProgress'],
): (bytes: number) => void {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  const began = Date.now();
  let [done, fresh, last] = [0, 0, 0];
  return (bytes) => {
    done += bytes;
    // A part from before comes at once, and says nothing of the line.
    if (bytes < 64 << 20) fresh += bytes;
    const now = Date.now();
    if (now - last < 200 && done < total) return;
    last = now;
    const rate = fresh / Math.max((now - began) / 1000, 0.5);
    const seconds = (total - done) / Math.max(rate, 1);
    const left = done >= total || rate <= 0 ? '' : `, ${duration(Math.ceil(seconds))} left`;
    const speed = rate <= 0 ? '' : `, ${byteSize(rate, Math.ceil)}/s`;
    onProgress?.({
      message: `Downloading ${name.id}: ${byteSize(done, Math.ceil)} of ${byteSize(total, Math.ceil)}${speed}${left}`,
      fraction: total === 0 ? 1 : done / total,
    });
  };
}
