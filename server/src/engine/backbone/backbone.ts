import { InferenceSession, Tensor, type RuntimeOptions } from '../../model/onnxruntime.js';
import { readPrefix } from '../../model/bundle/backbone/prefix.js';
import { messageOf } from '../../errors.js';
import { processorFlags } from '../identity.js';
import { pack, type TokenTree } from '../trees/packing.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import { nativeKernels, nativeUnfit, type NativeKernels } from './native.js';
import type { Precision, Provider } from '../../protocol/index.js';
import type { Backbone } from './loaded.js';
import { PathBackbone } from './path/backbone.js';
import { NativeBackbone } from './native-backbone.js';

export type { Backbone } from './loaded.js';

export interface SessionOptions {
  readonly provider: Provider;
  readonly threads: number;
  /** ONNX Runtime tells on standard error where each node runs. */
  readonly verbose?: boolean;
  /** Settings `ep.NAME.*` of a provider. */
  readonly ep?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Whether the processor adds int8 products in 32 bits; taken for no where the system does not say so. */
const hasVnni = (): boolean =>
  processorFlags().has('avx512_vnni') || processorFlags().has('avx_vnni');

/** A session of ONNX Runtime on one execution provider, without a silent change to another. */
export async function createSession(
  model: string | Uint8Array,
  options: SessionOptions,
): Promise<InferenceSession> {
  const settings: RuntimeOptions = {
    executionProviders: [options.provider],
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    // Warnings of the optimiser say nothing to a user.
    logSeverityLevel: options.verbose ? 0 : 3,
    // A thread that spins between operators takes the core from the next runner.
    // Without VNNI the fast int8 product overflows 16 bits; the exact one, half as fast where it is not
    // needed, is taken there alone: ONNX Runtime itself does not look.
    extra: {
      session: { intra_op: { allow_spinning: '0' }, x64quantprecision: hasVnni() ? '0' : '1' },
      ...(options.ep && { ep: options.ep }),
    },
  };
  // Two overloads of one function.
  const create = (): Promise<InferenceSession> =>
    typeof model === 'string'
      ? InferenceSession.create(model, settings)
      : InferenceSession.create(model, settings);
  try {
    return await create();
  } catch (error) {
    if (!/replace the existing tensor/.test(messageOf(error))) throw error;
    throw new Error(
      `${String(model)}: converted by an older version, whose int8 products overflow on this processor; ` +
        `run qrm convert again`,
    );
  }
}

export interface BackboneOptions extends SessionOptions {
  readonly precision: Precision;
  /** Of the graph of paths: paths.json lies beside the graph. */
  readonly paths?: boolean;
}

/** Our own kernels where a backbone runs on them: int8, on a CPU that has what they need. */
export function kernelsFor(
  config: ModelConfig,
  options: Pick<BackboneOptions, 'precision' | 'provider'>,
): NativeKernels | undefined {
  if (options.precision !== 'int8' || options.provider !== 'cpu') return undefined;
  if (nativeUnfit(config) !== undefined) return undefined;
  const native = nativeKernels();
  return 'kernels' in native ? native.kernels : undefined;
}

/**
 * Loads a converted backbone, on our own kernels or in ONNX Runtime.
 * @param path the .onnx file
 */
export async function loadBackbone(
  path: string,
  config: ModelConfig,
  options: BackboneOptions,
): Promise<Backbone> {
  if (options.paths) {
    return PathBackbone.load(path, config, (file) => createSession(file, options));
  }
  const kernels = kernelsFor(config, options);
  return kernels
    ? NativeBackbone.load(kernels, path, config)
    : OnnxBackbone.load(path, config, options);
}

/** A backbone in a session of ONNX Runtime. `run` occupies its thread until it is done. */
export class OnnxBackbone implements Backbone {
  private constructor(
    private readonly session: InferenceSession,
    private readonly config: ModelConfig,
    readonly prefix: readonly number[],
  ) {}

  /** @param path the .onnx file of a converted model */
  static async load(
    path: string,
    config: ModelConfig,
    options: SessionOptions,
  ): Promise<OnnxBackbone> {
    return new OnnxBackbone(await createSession(path, options), config, await readPrefix(path));
  }

  async run(trees: readonly TokenTree[]): Promise<Float32Array> {
    const { slidingWindow, slidingLayers, layers } = this.config;
    const batch = pack(trees, this.prefix, slidingWindow, slidingLayers?.[layers - 1] ?? false);
    const { tokens: N, rows: B, length: L, queries: Q, prefix: P } = batch;
    const int = (data: BigInt64Array, dims: number[]): Tensor => new Tensor('int64', data, dims);
    const float = (data: Float32Array, dims: number[]): Tensor => new Tensor('float32', data, dims);
    const T = batch.targets.length;
    const feeds: Record<string, Tensor> = {
      input_ids: int(batch.inputIds, [N]),
      positions: int(batch.positions, [N]),
      token_slots: int(batch.tokenSlots, [N]),
      targets: int(batch.targets, [T]),
      target_rows: int(batch.targetRows, [B, Q]),
      row_tokens: int(batch.rowTokens, [B, L]),
      target_slots: int(batch.targetSlots, [T]),
      target_mask: float(batch.targetMask, [B, 1, Q, P + L]),
    };
    for (const [g, group] of batch.groups.entries()) {
      const { tiles, queryLength, keyLength } = group;
      const square = [tiles, 1, queryLength, P + keyLength];
      feeds[`tile_queries.${g}`] = int(group.queries, [tiles, queryLength]);
      feeds[`tile_keys.${g}`] = int(group.keys, [tiles, keyLength]);
      feeds[`tile_mask.${g}`] = float(group.mask, square);
      if (group.maskSliding) feeds[`tile_mask_sliding.${g}`] = float(group.maskSliding, square);
    }
    const { hidden } = await this.session.run(feeds);
    return (await hidden!.getData()) as Float32Array;
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}
