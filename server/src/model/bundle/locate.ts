import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isBundle } from './bundle-format.js';
import { exists } from '../files.js';
import { cachedModels } from './model-cache.js';

/** The package's own folder: of the checkout, of node_modules or of the VSIX. */
export async function packageRoot(): Promise<string> {
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
 * @throws Error naming what was looked for and the names that are known
 */
export async function locateModel(
  nameOrPath: string | undefined,
  cache: string | undefined,
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
  const known = [...embedded.keys(), ...converted.map(({ name }) => name)];
  throw new Error(
    `no model "${nameOrPath}": expected a bundle's folder, a Hugging Face folder, a .gguf file, ` +
      `or one of ${[...new Set(known)].join(', ') || '(none is installed)'}`,
  );
}

/** A snapshot that huggingface_hub downloaded: hub/models--org--name/snapshots/<commit>. */
async function fromHub(name: string): Promise<string | undefined> {
  if (!/^[\w.-]+\/[\w.-]+$/.test(name)) return undefined;
  const home = process.env['HF_HOME'] ?? join(homedir(), '.cache', 'huggingface');
  const hub = process.env['HF_HUB_CACHE'] ?? join(home, 'hub');
  const folder = join(hub, `models--${name.replace('/', '--')}`);
  const commit = await readFile(join(folder, 'refs', 'main'), 'utf8').catch(() => undefined);
  if (commit === undefined) return undefined;
  const snapshot = join(folder, 'snapshots', commit.trim());
  return (await exists(snapshot)) ? snapshot : undefined;
}
