import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBundle } from './format/manifest.js';
import { exists } from '../files.js';
import { cachedSnapshot, hubName, hubSettings } from './hub/place.js';
import { pull, type PullOptions } from './hub/pull.js';
import { cachedModels } from './model-cache.js';

/** The package's own folder: of the checkout, of node_modules or of the VSIX. */
async function packageRoot(): Promise<string> {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let at = start; ; at = dirname(at)) {
    const text = await readFile(join(at, 'package.json'), 'utf8').catch(() => '{}');
    if ((JSON.parse(text) as { name?: string }).name === 'qrm-lens') return at;
    if (dirname(at) === at) throw new Error(`${start}: not inside the package qrm-lens`);
  }
}

/** The bundles that come with the package, by name; `default` is the embedded model. */
export async function embeddedModels(): Promise<Map<string, string>> {
  const root = join(await packageRoot(), 'models');
  const out = new Map<string, string>();
  for (const name of (await readdir(root).catch(() => [])).sort()) {
    if (await isBundle(join(root, name))) out.set(name, join(root, name));
  }
  return out;
}

/**
 * The bundle, checkpoint folder or .gguf file that a user's words mean: nothing for the embedded
 * default, a path, the name of an embedded or converted model, or `org/name` in the Hugging Face cache.
 * @param fetching given where `org/name[@revision]` may be downloaded
 * @throws Error naming what was looked for and the names that are known
 */
export async function locateModel(
  nameOrPath: string | undefined,
  cache: string | undefined,
  fetching?: PullOptions,
): Promise<string> {
  if (nameOrPath !== undefined && (await exists(nameOrPath))) return resolve(nameOrPath);
  const embedded = await embeddedModels();
  if (nameOrPath === undefined) {
    const path = embedded.get('default');
    if (path !== undefined) return path;
    throw new Error(
      `${join(await packageRoot(), 'models', 'default')}: the default model is missing`,
    );
  }
  const named = embedded.get(nameOrPath) ?? (await fromHub(nameOrPath));
  if (named !== undefined) return named;
  const converted = await cachedModels(cache);
  for (const { name, path } of converted) {
    if (name === nameOrPath && (await exists(path))) return path;
  }
  const hub = hubName(nameOrPath);
  // What begins with a folder of here is a path with a slip in it.
  if (fetching && hub && !(await exists(dirname(nameOrPath)))) return pull(hub, fetching);
  const known = [...embedded.keys(), ...converted.map(({ name }) => name)];
  throw new Error(
    `no model "${nameOrPath}": expected a bundle's folder, a Hugging Face folder, a .gguf file, ` +
      `org/name on the hub, or one of ${[...new Set(known)].join(', ') || '(none is installed)'}`,
  );
}

/** A snapshot that was downloaded already, by us or by huggingface_hub. */
async function fromHub(text: string): Promise<string | undefined> {
  const name = hubName(text);
  return name && cachedSnapshot((await hubSettings()).cache, name);
}
