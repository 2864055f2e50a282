import { readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { exists } from '../../files.js';

/** A model's name on the hub. */
export interface HubName {
  /** `org/name` */
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** `org/name` or `org/name@revision`; undefined for anything else, such as a path. */
export function hubName(text: string): HubName | undefined {
  const match = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?$/.exec(text);
  if (match === null || /\.\./.test(text) || /\.gguf$/i.test(text)) return undefined;
  return { id: match[1]!, revision: match[2] ?? 'main' };
}

/** What the environment says of the hub, with the meaning that huggingface_hub gives it. */
export interface HubSettings {
  readonly endpoint: string;
  /** The folder of all cached repositories. */
  readonly cache: string;
  readonly token?: string;
  readonly offline: boolean;
}

const truthy = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

export async function hubSettings(env: NodeJS.ProcessEnv = process.env): Promise<HubSettings> {
  const caches = env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const home = env['HF_HOME'] ?? join(caches, 'huggingface');
  const file = env['HF_TOKEN_PATH'] ?? join(home, 'token');
  const token =
    env['HF_TOKEN'] ??
    env['HUGGING_FACE_HUB_TOKEN'] ??
    (await readFile(file, 'utf8').catch(() => undefined));
  return {
    endpoint: (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    cache: env['HF_HUB_CACHE'] ?? env['HUGGINGFACE_HUB_CACHE'] ?? join(home, 'hub'),
    ...(token?.trim() ? { token: token.trim() } : {}),
    offline: truthy(env['HF_HUB_OFFLINE']) || truthy(env['TRANSFORMERS_OFFLINE']),
  };
}

/** `<cache>/models--org--name`, with blobs/, refs/ and snapshots/<commit>/ in it. */
export const repositoryFolder = (cache: string, { id }: HubName): string =>
  join(cache, `models--${id.replace('/', '--')}`);

/**
 * The snapshot of a model in the hub's cache, whoever downloaded it. A snapshot that lacks files of the
 * model (an interrupted download, another program's choice of files) does not count.
 */
export async function cachedSnapshot(cache: string, name: HubName): Promise<string | undefined> {
  const folder = repositoryFolder(cache, name);
  const ref = await readFile(join(folder, 'refs', name.revision), 'utf8').catch(() => undefined);
  const snapshot = join(folder, 'snapshots', ref?.trim() ?? name.revision);
  return (await isWhole(snapshot)) ? snapshot : undefined;
}

/** Whether a folder has what a model is made of: every shard that its index names. */
async function isWhole(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) return false;
  if (names.includes('bundle.json')) return true;
  if (names.some((name) => /\.gguf$/i.test(name))) return true;
  if (names.includes('adapter_config.json') && names.includes('adapter_model.safetensors'))
    return true;
  if (!names.includes('config.json')) return false;
  const index = names.find((name) => name === 'model.safetensors.index.json');
  if (index === undefined) return names.includes('model.safetensors');
  try {
    const json = JSON.parse(await readFile(join(folder, index), 'utf8')) as {
      weight_map: Record<string, string>;
    };
    const shards = new Set(Object.values(json.weight_map));
    for (const shard of shards) if (!(await exists(join(folder, shard)))) return false;
    return true;
  } catch {
    return false;
  }
}
