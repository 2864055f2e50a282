import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { readManifest } from './format/manifest.js';
import { messageOf } from '../../errors.js';
import { CATALOGUE, costOf, type Cost, type KnownModel } from './hub/catalogue.js';
import { cachedSnapshot, hubSettings } from './hub/place.js';
import { embeddedModels } from './locate.js';
import { cacheIfAny, cachedModels } from './model-cache.js';

/** A model at hand, for lists. */
export interface ModelListing {
  /** What `--model` takes. */
  readonly name: string;
  /** `embedded`: comes with the package. `converted`: in the cache, made from a checkpoint. */
  readonly kind: 'embedded' | 'converted';
  readonly attributes: number;
  /** Of the stored weights: `float32`, `int8`, or a ggml type such as `Q4_1`. */
  readonly precision: string;
  /** On disk, in bytes; files of a checkpoint that are used in place do not count. */
  readonly bytes: number;
  readonly licence?: string;
  /** The bundle's folder, or the checkpoint that was converted. */
  readonly path: string;
  /** Why it cannot be used, when its files are damaged. */
  readonly problem?: string;
}

/** A model of the catalogue, as this machine stands to it. */
export interface HubListing extends KnownModel, Cost {
  /** Its snapshot's folder, where it is downloaded. */
  readonly cached?: string;
  /** The precisions that this machine's memory holds. */
  readonly fits: readonly ('float32' | 'int8')[];
}

/** Reward models of the hub that are known to run, with what they cost here. */
export async function listHubModels(): Promise<HubListing[]> {
  const { cache } = await hubSettings();
  const memory = totalmem();
  return Promise.all(
    CATALOGUE.map(async (model) => {
      const cost = costOf(model);
      const fits = (['float32', 'int8'] as const).filter((p) => cost[p] < 0.85 * memory);
      const cached = await cachedSnapshot(cache, { id: model.name, revision: 'main' });
      return { ...model, ...cost, fits, ...(cached === undefined ? {} : { cached }) };
    }),
  );
}

/** The embedded models, then the converted ones, the most recently used first. */
export async function listModels(cache = cacheIfAny()): Promise<ModelListing[]> {
  const out: ModelListing[] = [];
  const embedded = await embeddedModels();
  for (const [name, path] of embedded) out.push(await describeBundle(name, path));
  for (const m of await cachedModels(cache)) {
    // The expanded weights of an embedded model are not another model.
    if ([...embedded.values()].includes(m.path)) continue;
    const { name, attributes, precision, bytes, licence, path } = m;
    out.push({ name, kind: 'converted', attributes, precision, bytes, licence, path });
  }
  return out;
}

async function describeBundle(name: string, path: string): Promise<ModelListing> {
  try {
    const { attributes, precision, licence, files } = await readManifest(path);
    let bytes = (await stat(join(path, 'bundle.json'))).size;
    for (const { size } of Object.values(files)) bytes += size;
    return {
      name,
      kind: 'embedded',
      attributes: attributes.length,
      precision,
      bytes,
      licence,
      path,
    };
  } catch (error) {
    const problem = messageOf(error);
    return { name, kind: 'embedded', attributes: 0, precision: 'unknown', bytes: 0, path, problem };
  }
}
