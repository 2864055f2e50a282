import { isAbsolute, join, resolve } from 'node:path';
import { fileHash, exists, readJson, type Json } from '../../files.js';
import { Safetensors } from '../../checkpoint/safetensors.js';
import { cachedSnapshot, hubName, hubSettings } from '../hub/place.js';

const ADAPTER_CONFIG = 'adapter_config.json';
const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

/** A LoRA adapter's folder and the folder of the model that it changes. */
export interface Adapter {
  readonly config: Json;
  /** adapter_config.json's path. */
  readonly file: string;
  readonly weights: Safetensors;
  readonly base: string;
  /** What identifies it. */
  readonly identity: Readonly<Record<string, string>>;
}

/** Whether a folder holds an adapter and no model of its own. */
export async function isAdapter(folder: string): Promise<boolean> {
  if (!(await exists(join(folder, ADAPTER_CONFIG)))) return false;
  const whole = ['model.safetensors', 'model.safetensors.index.json'];
  for (const name of whole) if (await exists(join(folder, name))) return false;
  return true;
}

/**
 * Opens an adapter whose base model is at hand: a folder (from the adapter's own, or from the working folder), or a
 * model of the Hugging Face cache. Nothing is fetched.
 * @throws Error naming the file, the base that is missing and how to get it
 */
export async function openAdapter(folder: string): Promise<Adapter> {
  const file = join(folder, ADAPTER_CONFIG);
  const config = await readJson(file);
  const path = join(folder, ADAPTER_WEIGHTS);
  if (!(await exists(path))) {
    const pickle = join(folder, 'adapter_model.bin');
    throw new Error(
      (await exists(pickle))
        ? `${pickle}: a pickle, which can run code when it is opened and is not read here; save the adapter again ` +
            `with a PEFT of 0.7 or later (save_pretrained writes ${ADAPTER_WEIGHTS})`
        : `${path}: the file is missing`,
    );
  }
  const base = await baseOf(folder, config, file);
  return {
    config,
    file,
    weights: await Safetensors.openFiles([path]),
    base,
    identity: { [ADAPTER_CONFIG]: JSON.stringify(config), [ADAPTER_WEIGHTS]: await fileHash(path) },
  };
}

async function baseOf(folder: string, config: Json, file: string): Promise<string> {
  const name = config['base_model_name_or_path'];
  if (typeof name !== 'string' || name === '') {
    throw new Error(
      `${file}: an adapter without a base: "base_model_name_or_path" is ${JSON.stringify(name) ?? 'nothing'}; ` +
        `expected the folder or the org/name of the model that it was trained on`,
    );
  }
  const places = isAbsolute(name) ? [name] : [join(folder, name), resolve(name)];
  for (const place of places) if (await exists(join(place, 'config.json'))) return place;
  const hub = hubName(name);
  const revision = config['revision'];
  const wanted = hub && typeof revision === 'string' ? { ...hub, revision } : hub;
  const cached = wanted && (await cachedSnapshot((await hubSettings()).cache, wanted));
  if (cached !== undefined) return cached;
  throw new Error(
    `${file}: its base model ${name} is not at hand: ` +
      (hub === undefined
        ? `no config.json in ${places.join(' or ')}. Put the base there, or its org/name into "base_model_name_or_path"`
        : `get it with qrm pull ${name}, or put its folder's path into "base_model_name_or_path"`),
  );
}
