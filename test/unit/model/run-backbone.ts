import { Backbone } from '../../../server/src/engine/backbone.js';
import { pack } from '../../../server/src/engine/packing.js';
import type { ModelConfig } from '../../../server/src/model/config.js';

/**
 * Runs a backbone over one conversation in one row: nothing shared.
 * @returns hidden states at `targets`, row-major [targets, hiddenSize]
 */
export async function runBackbone(
  path: string,
  config: ModelConfig,
  ids: readonly number[],
  targets: readonly number[],
): Promise<Float32Array> {
  const backbone = await Backbone.load(path, { provider: 'cpu', threads: 1 });
  const wanted = targets.map((index) => ({ branch: -1, index }));
  const batch = pack(
    [{ trunk: ids, branches: [], wanted }],
    backbone.prefix,
    config.slidingWindow,
    config.slidingLayers?.[config.layers - 1] ?? false,
  );
  const hidden = await backbone.run(batch);
  await backbone.release();
  return hidden;
}
