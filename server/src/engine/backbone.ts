import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Provider } from './messages.js';
import type { PackedBatch } from './packing.js';

export interface SessionOptions {
  readonly provider: Provider;
  readonly threads: number;
}

/** Keys and values of a beginning that every conversation shares; see model/graph/backbone.ts. */
export interface Prefix {
  readonly ids: readonly number[];
  /** Per layer, [1, P, kvHeads*headDim] float32. */
  readonly keys: readonly Float32Array[];
  readonly values: readonly Float32Array[];
}

/** A session of ONNX Runtime on one execution provider, without a silent change to another. */
export async function createSession(
  model: string | Uint8Array,
  options: SessionOptions,
): Promise<InferenceSession> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [options.provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Warnings of the optimiser say nothing to a user.
    logSeverityLevel: 3,
    // A thread that spins between operators takes the core from the next runner.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  };
  // Two overloads of one function.
  return typeof model === 'string'
    ? InferenceSession.create(model, settings)
    : InferenceSession.create(model, settings);
}

/** A backbone loaded for running packed batches. `run` occupies its thread until it is done. */
export class Backbone {
  readonly #prefix: Readonly<Record<string, Tensor>>;

  private constructor(
    private readonly session: InferenceSession,
    /** The beginning that `pack` must be given. */
    readonly prefix: Prefix | undefined,
  ) {
    const feeds: Record<string, Tensor> = {};
    for (const { name, shape } of inputsOf(session)) {
      const match = /^prefix_(key|value)\.(\d+)$/.exec(name);
      if (!match) continue;
      const width = Number(shape[2]);
      const known = prefix?.[match[1] === 'key' ? 'keys' : 'values'][Number(match[2])];
      const data = known ?? new Float32Array(0);
      feeds[name] = new Tensor('float32', data, [1, data.length / width, width]);
    }
    this.#prefix = feeds;
  }

  static async load(path: string, options: SessionOptions, prefix?: Prefix): Promise<Backbone> {
    return new Backbone(await createSession(path, options), prefix);
  }

  /**
   * Hidden states after the final norm at the wanted positions, [targets, hiddenSize] float32, in the
   * order in which the trees of the batch name them.
   */
  async run(batch: PackedBatch): Promise<Float32Array> {
    const { tokens: N, rows: B, length: L, queries: Q, prefix: P } = batch;
    const int = (data: BigInt64Array, dims: number[]): Tensor => new Tensor('int64', data, dims);
    const float = (data: Float32Array, dims: number[]): Tensor => new Tensor('float32', data, dims);
    const T = batch.targets.length;
    const feeds: Record<string, Tensor> = {
      ...this.#prefix,
      input_ids: int(batch.inputIds, [N]),
      positions: int(batch.positions, [N]),
      row_tokens: int(batch.rowTokens, [B, L]),
      token_slots: int(batch.tokenSlots, [N]),
      mask: float(batch.mask, [B, 1, L, P + L]),
      targets: int(batch.targets, [T]),
      target_rows: int(batch.targetRows, [B, Q]),
      target_slots: int(batch.targetSlots, [T]),
      target_mask: float(batch.targetMask, [B, 1, Q, P + L]),
    };
    if (batch.maskSliding) feeds['mask_sliding'] = float(batch.maskSliding, [B, 1, L, P + L]);
    const { hidden } = await this.session.run(feeds);
    return (await hidden!.getData()) as Float32Array;
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

function inputsOf(session: InferenceSession): { name: string; shape: readonly unknown[] }[] {
  return session.inputMetadata.map((m) => ({ name: m.name, shape: m.isTensor ? m.shape : [] }));
}
