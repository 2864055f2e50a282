import { join } from 'node:path';
import { openBackbone, placeBackbone, type Place } from '../../engine/states.js';
import { writeBackbone } from '../../model/bundle/backbone/files.js';
import { BACKBONE } from '../../model/bundle/format/manifest.js';
import { modelKey } from '../../model/bundle/model-cache.js';
import { exists, writeFolder } from '../../model/files.js';
import type { TrainConfig } from '../config/config.js';
import type { TrainBackbone } from '../features/backbone.js';
import { extractInto, type Encoded, type ReadyBackbone } from '../features/extract.js';
import { FeatureStore, type FeatureIdentity } from '../features/feature-store.js';
import type { TrainWatch } from './watch.js';

/** Who computes the features of a run. */
export interface FeatureSource {
  /** What they are, for the card: `int8`, `float16 on cuda`, `bfloat16, by vllm`. */
  readonly words: string;
  /** Tokens of the longest conversation that it takes. */
  readonly longest: number;
  readonly identity: FeatureIdentity;
  /** Computes what the store lacks. @returns by key, why a conversation cannot be computed */
  fill(
    store: FeatureStore,
    groups: readonly (readonly Encoded[])[],
  ): Promise<ReadonlyMap<string, string>>;
  close(): void;
}

/** What a source is made for. */
export interface SourceContext {
  readonly backbone: TrainBackbone;
  readonly config: TrainConfig;
  readonly watch: TrainWatch;
}

/** The backbone on a device of this machine. @throws Error when device or precision cannot be used */
export async function localSource(context: SourceContext): Promise<FeatureSource> {
  const { backbone, config, watch } = context;
  const { gpuMemory, ...rest } = config;
  const wanted = { ...rest, ...(gpuMemory !== undefined && { gpuMemory: 1e9 * gpuMemory }) };
  const place = await placeBackbone(wanted, backbone.config, (p) =>
    FeatureStore.isThere(config.work, identityOf(context, p)),
  );
  for (const note of place.notes) watch.say(`Note: ${note}`);
  const { provider, form } = place;
  return {
    words: provider === 'cpu' ? form.precision : `${form.precision} on ${provider}`,
    longest: Infinity,
    identity: identityOf(context, place),
    async fill(store, groups) {
      const all = groups.flat().every((e) => store.has(e.key));
      const ready = all ? readyAt(context, place) : await convert(context, place);
      await extractInto(store, ready, groups, {
        threads: config.threads,
        signal: watch.signal,
        onProgress: showFeatures(watch),
      });
      return new Map();
    },
    close: () => undefined,
  };
}

export const showFeatures =
  (watch: TrainWatch) =>
  (done: number, total: number): void =>
    watch.progress({
      stage: 'features',
      fraction: total > 0 ? done / total : 1,
      note: `${total} tokens`,
    });

function identityOf({ backbone, config }: SourceContext, place: Place): FeatureIdentity {
  const { hiddenSize, layers } = backbone.config;
  return {
    // Another graph gives other features.
    backbone: modelKey(backbone.fingerprint, place.form),
    layers,
    precision: place.form.precision,
    by: place.kernels,
    hiddenSize,
    type: config.featureType,
  };
}

function readyAt({ backbone, config }: SourceContext, { provider, form }: Place): ReadyBackbone {
  const key = modelKey(backbone.fingerprint.slice(0, 16), form);
  return {
    path: join(config.work, `backbone-${backbone.config.layers}-${key}`, BACKBONE),
    config: backbone.config,
    precision: form.precision,
    provider,
    paths: form.variant !== undefined,
  };
}

/** The backbone in the form that the place runs, converted into the working folder where it is not there yet. */
export async function convert(context: SourceContext, place: Place): Promise<ReadyBackbone> {
  const { backbone, watch } = context;
  const ready = readyAt(context, place);
  if (await exists(ready.path)) return ready;
  watch.say('Converting the backbone');
  const { signal } = watch;
  await writeFolder(
    join(ready.path, '..'),
    async (draft) => void (await writeBackbone(backbone, place.form, draft, { signal })),
    async () => !(await exists(ready.path)),
  );
  return ready;
}

/** Features of one conversation as the CPU computes them here: [reward, gating]. */
export async function computeHere(
  context: SourceContext,
  { ids, reward, gate }: Encoded,
): Promise<readonly [Float32Array, Float32Array]> {
  const { backbone, config } = context;
  const cpu = { device: 'cpu', precision: 'auto' } as const;
  const place = await placeBackbone(cpu, backbone.config, () => Promise.resolve(true));
  const { path, ...how } = await convert(context, place);
  const options = { precision: how.precision, provider: 'cpu' as const, threads: config.threads };
  const model = await openBackbone(path, how.config, options);
  try {
    const wanted = [reward, gate].map((index) => ({ branch: -1, index }));
    const hidden = await model.run([{ trunk: [...ids], branches: [], wanted }]);
    const H = how.config.hiddenSize;
    return [hidden.slice(0, H), hidden.slice(H)];
  } finally {
    await model.release();
  }
}
