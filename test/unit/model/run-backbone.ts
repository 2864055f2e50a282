import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { ModelConfig } from '../../../server/src/model/config.js';

/**
 * Runs a backbone over one conversation in one row: nothing packed, nothing shared.
 * @returns hidden states at `targets`, row-major [targets, hiddenSize]
 */
export async function runBackbone(
  path: string,
  config: ModelConfig,
  ids: readonly number[],
  targets: readonly number[],
): Promise<Float32Array> {
  const session = await InferenceSession.create(path);
  const n = ids.length;
  const width = config.kvHeads * config.headDim;
  const ints = (values: readonly number[], dims: readonly number[]) =>
    new Tensor('int64', BigInt64Array.from(values, BigInt), dims);
  const range = Array.from({ length: n }, (_, i) => i);
  const causal = (rows: readonly number[], window = Infinity) =>
    new Tensor(
      'float32',
      Float32Array.from(
        rows.flatMap((i) => range.map((j) => (j <= i && i - j < window ? 0 : -1e9))),
      ),
      [1, 1, rows.length, n],
    );
  const order = targets.map((_, i) => i);
  const known: Record<string, Tensor> = {
    input_ids: ints(ids, [n]),
    positions: ints(range, [n]),
    row_tokens: ints(range, [1, n]),
    token_slots: ints(range, [n]),
    mask: causal(range),
    mask_sliding: causal(range, config.slidingWindow),
    targets: ints(targets, [targets.length]),
    target_rows: ints(order, [1, order.length]),
    target_slots: ints(order, [order.length]),
    target_mask: causal(targets),
  };
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => [
      name,
      known[name] ?? new Tensor('float32', new Float32Array(0), [1, 0, width]),
    ]),
  );
  const { hidden } = await session.run(feeds);
  await session.release();
  return hidden!.data as Float32Array;
}
