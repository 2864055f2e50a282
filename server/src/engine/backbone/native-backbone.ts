import type { ModelConfig, RopeConfig } from '../../model/checkpoint/config.js';
import type { ExternalTensor } from '../../model/graph/builder.js';
import { storedTensors } from '../../model/graph/stored-tensors.js';
import { readPrefix } from '../../model/bundle/backbone/prefix.js';
import { inverseFrequencies, rotaryFactor } from '../../model/checkpoint/rotary.js';
import type { Backbone } from './loaded.js';
import type { NativeKernels, NativeModel } from './native.js';
import type { TokenTree } from '../trees/packing.js';
import { layOutSegments } from '../trees/segments.js';

/**
 * An int8 backbone on our own kernels (server/native): the weights of graph/int8-weights.ts, activations
 * of two int8 digits with a scale for each row, attention products in bfloat16, and what follows a
 * product done while its sums are in the cache. `run` occupies its thread until it is done.
 */
export class NativeBackbone implements Backbone {
  /** cos of [positions, headDim / 2], then sin; where sliding layers have angles of their own, those after them. */
  #rope = new Float32Array(0);
  readonly #ropes: readonly RopeConfig[];

  private constructor(
    private readonly kernels: NativeKernels,
    private readonly model: NativeModel,
    private readonly config: ModelConfig,
    readonly prefix: readonly number[],
  ) {
    this.#ropes = ropesOf(config);
  }

  /** @param path the .onnx file of a converted int8 model: its weights are read, its graph is not */
  static async load(
    kernels: NativeKernels,
    path: string,
    config: ModelConfig,
  ): Promise<NativeBackbone> {
    const prefix = await readPrefix(path);
    const { file, offsets } = placesOf(await storedTensors(path), config, prefix.length, path);
    const { slidingLayers = [], slidingWindow = 0 } = config;
    // In the order of server/native/binding.c.
    const shape = Int32Array.of(
      config.layers,
      config.hiddenSize,
      config.intermediateSize,
      config.heads,
      config.kvHeads,
      config.headDim,
      config.vocabSize,
      prefix.length,
      slidingWindow,
      ropesOf(config).length,
      Number(config.qkNorm ?? false),
      Number(config.sandwichNorms),
      ACTIVATIONS[config.activation],
    );
    const numbers = Float64Array.of(
      config.rmsNormEps,
      config.queryScale,
      config.embeddingScale,
      config.attnSoftcap ?? 0,
    );
    const slides = Int32Array.from({ length: config.layers }, (_, i) =>
      Number(slidingLayers[i] ?? false),
    );
    const model = kernels.open(file, shape, numbers, slides, Float64Array.from(offsets));
    return new NativeBackbone(kernels, model, config, prefix);
  }

  // Async for its errors: the run itself is over when the promise is there.
  async run(trees: readonly TokenTree[]): Promise<Float32Array> {
    const { ids, segments, targets, positions } = layOutSegments(trees, this.prefix);
    const out = new Float32Array(targets.length * this.config.hiddenSize);
    this.kernels.run(this.model, ids, segments, this.#angles(positions), targets, out);
    return out;
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  /** The tables of angles for at least so many positions. */
  #angles(positions: number): Float32Array {
    const half = this.config.headDim / 2;
    const tables = this.#ropes.length;
    if (2 * positions * half * tables <= this.#rope.length) return this.#rope;
    const count = Math.max(512, 2 ** Math.ceil(Math.log2(positions)));
    const all = new Float32Array(2 * count * half * tables);
    for (const [n, of] of this.#ropes.entries()) {
      const rope = all.subarray(n * 2 * count * half);
      const frequencies = inverseFrequencies(this.config, of);
      const factor = rotaryFactor(of);
      for (let p = 0; p < count; p++) {
        for (let i = 0; i < half; i++) {
          const angle = Math.fround(p * frequencies[i]!);
          rope[p * half + i] = factor * Math.cos(angle);
          rope[(count + p) * half + i] = factor * Math.sin(angle);
        }
      }
    }
    return (this.#rope = all);
  }
}

/** `enum activation` of server/native/backbone.h. */
const ACTIVATIONS: Readonly<Record<ModelConfig['activation'], number>> = {
  silu: 0,
  gelu_tanh: 1,
  gelu: 2,
};

/** The rotary embedding, and that of sliding layers where they have their own. */
function ropesOf({ rope, localRope }: ModelConfig): readonly RopeConfig[] {
  return localRope === undefined ? [rope] : [rope, localRope];
}

/**
 * Where the weights file holds each tensor, in the order of server/native/backbone.h.
 * @throws Error naming the tensor, when the model is not what convert-int8.ts writes
 */
function placesOf(
  stored: ReadonlyMap<string, ExternalTensor>,
  config: ModelConfig,
  prefix: number,
  path: string,
): { file: string; offsets: number[] } {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim, vocabSize } = config;
  const files = new Set<string>();
  const at = (name: string, bytes: number): number => {
    const tensor = stored.get(name);
    if (tensor?.byteLength !== bytes) {
      throw new Error(
        `${path}: tensor "${name}" has ${tensor?.byteLength ?? 'no'} bytes, expected ${bytes}`,
      );
    }
    files.add(tensor.file);
    return tensor.offset;
  };
  const maybe = (has: boolean | undefined, name: string, bytes: number): number =>
    has ? at(name, bytes) : -1;
  const offsets = [
    at('model.embed_tokens.weight', 4 * vocabSize * H),
    at('rotation.inverse', 4 * H * H),
    at('model.norm.weight', 4 * H),
    maybe(config.sandwichNorms, 'rotation.matrix', 4 * H * H),
  ];
  const KV = kvHeads * headDim;
  const linears: readonly [string, number, number][] = [
    ['self_attn.q_proj', H, heads * headDim],
    ['self_attn.k_proj', H, KV],
    ['self_attn.v_proj', H, KV],
    ['self_attn.o_proj', heads * headDim, H],
    ['mlp.gate_proj', H, F],
    ['mlp.up_proj', H, F],
    ['mlp.down_proj', F, H],
  ];
  for (let layer = 0; layer < config.layers; layer++) {
    const p = `model.layers.${layer}`;
    for (const [name, inputs, outputs] of linears) {
      offsets.push(at(`${p}.${name}.q`, inputs * outputs));
      offsets.push(at(`${p}.${name}.scale`, 4 * outputs), at(`${p}.${name}.bias`, 4 * outputs));
    }
    offsets.push(at(`${p}.prefix_key`, 4 * prefix * KV), at(`${p}.prefix_value`, 4 * prefix * KV));
    for (const name of ['self_attn.q_norm', 'self_attn.k_norm']) {
      offsets.push(maybe(config.qkNorm, `${p}.${name}.weight`, 4 * headDim));
    }
    for (const name of ['post_attention_layernorm', 'post_feedforward_layernorm']) {
      offsets.push(maybe(config.sandwichNorms, `${p}.${name}.weight`, 4 * H));
    }
  }
  const [file, ...others] = files;
  if (file === undefined || others.length > 0) {
    throw new Error(`${path}: the weights lie in ${files.size} files, expected one`);
  }
  return { file, offsets };
}
