import { OnnxBackbone } from '../../../server/src/engine/backbone/backbone.js';
import type { ModelConfig } from '../../../server/src/model/checkpoint/config.js';

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
  const backbone = await OnnxBackbone.load(path, config, { provider: 'cpu', threads: 1 });
  const wanted = targets.map((index) => ({ branch: -1, index }));
  const hidden = await backbone.run([{ trunk: ids, branches: [], wanted }]);
  await backbone.release();
  return hidden;
}
