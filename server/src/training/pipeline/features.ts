import { join } from 'node:path';
import { writeBackbone } from '../../model/bundle/backbone-files.js';
import { BACKBONE, GRAPH_VERSION } from '../../model/bundle/bundle-format.js';
import { exists, writeFolder } from '../../model/files.js';
import type { TrainBackbone } from '../features/backbone.js';
import type { TrainConfig } from '../config/config.js';
import { extractInto } from '../features/extract.js';
import { FeatureStore } from '../features/feature-store.js';
import type { Plan } from './sample.js';
import type { TrainWatch } from './watch.js';

/** Stage 1: the features of every conversation, computed once and kept by content. */
export async function features(
  backbone: TrainBackbone,
  precision: 'int8' | 'float32',
  plan: Plan,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<FeatureStore> {
  const { hiddenSize, layers } = backbone.config;
  const store = await FeatureStore.open(config.work, {
    // Another graph gives other features.
    backbone: `${backbone.fingerprint}-g${GRAPH_VERSION}`,
    layers,
    precision,
    hiddenSize,
    type: config.featureType,
  });
  try {
    const folder = join(
      config.work,
      `backbone-${backbone.fingerprint.slice(0, 16)}-${layers}-${precision}-g${GRAPH_VERSION}`,
    );
    const whole = (): Promise<boolean> => exists(join(folder, BACKBONE));
    if (plan.groups.flat().some((e) => !store.has(e.key)) && !(await whole())) {
      watch.say('Converting the backbone');
      const { signal } = watch;
      await writeFolder(
        folder,
        async (draft) => void (await writeBackbone(backbone, precision, draft, { signal })),
        async () => !(await whole()),
      );
    }
    const ready = { path: join(folder, BACKBONE), config: backbone.config, precision };
    await extractInto(store, ready, plan.groups, {
      threads: config.threads,
      signal: watch.signal,
      onProgress: (done, total) =>
        watch.progress({ stage: 'features', fraction: done / total, note: `${total} tokens` }),
    });
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
