import type { ModelConfig } from '../../model/checkpoint/config.js';
import type { TensorSource } from '../../model/checkpoint/safetensors.js';
import type { TokenTree } from '../trees/packing.js';

/** Layers of these two hold every kernel that the graphs of the project's backbones use. */
export const LLAMA: ModelConfig = {
  architecture: 'llama',
  layers: 2,
  hiddenSize: 128,
  intermediateSize: 256,
  heads: 4,
  kvHeads: 2,
  headDim: 32,
  vocabSize: 64,
  maxPositions: 512,
  rmsNormEps: 1e-5,
  activation: 'silu',
  attentionBias: true,
  outputBias: false,
  mlpBias: false,
  rope: { theta: 10000 },
  embeddingScale: 1,
  normPlusOne: false,
  sandwichNorms: false,
  qkNorm: true,
  queryScale: 32 ** -0.5,
};
export const GEMMA: ModelConfig = {
  ...LLAMA,
  architecture: 'gemma2',
  activation: 'gelu_tanh',
  attentionBias: false,
  qkNorm: false,
  embeddingScale: Math.sqrt(128),
  normPlusOne: true,
  sandwichNorms: true,
  attnSoftcap: 50,
  slidingWindow: 48,
  slidingLayers: [true, false],
};
/** Large enough that a GPU is busy: what is timed. */
export const TIMED: ModelConfig = {
  ...LLAMA,
  hiddenSize: 1024,
  intermediateSize: 2816,
  heads: 16,
  kvHeads: 4,
  headDim: 64,
  queryScale: 64 ** -0.5,
};

/** A trunk with two branches, whole rows of 100 tokens and more: some kernels are wrong from 32 queries on. */
export const TREES: readonly TokenTree[] = [
  {
    trunk: tokens(96, 1),
    branches: [tokens(40, 2), tokens(9, 3)],
    wanted: [
      { branch: -1, index: 40 },
      { branch: 0, index: 135 },
      { branch: 1, index: 104 },
    ],
  },
  { trunk: tokens(3, 4), branches: [], wanted: [{ branch: -1, index: 2 }] },
];
/** 1,024 tokens. */
export const TIMED_TREES: readonly TokenTree[] = Array.from({ length: 8 }, (_, i) => ({
  trunk: tokens(128, i),
  branches: [],
  wanted: [{ branch: -1, index: 127 }],
}));

function tokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => (7 * i * (seed + 1) + 13 * seed + i * i) % 64);
}

/** Weights of a like size to a trained model's, the same each time. */
export function randomWeights(config: ModelConfig): TensorSource {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim, vocabSize } = config;
  const [Q, KV] = [heads * headDim, kvHeads * headDim];
  const shapes = new Map<string, number[]>([
    ['model.embed_tokens.weight', [vocabSize, H]],
    ['model.norm.weight', [H]],
  ]);
  for (let layer = 0; layer < config.layers; layer++) {
    const p = `model.layers.${layer}`;
    const norms = ['input', 'post_attention'];
    if (config.sandwichNorms) norms.push('pre_feedforward', 'post_feedforward');
    for (const norm of norms) shapes.set(`${p}.${norm}_layernorm.weight`, [H]);
    for (const [name, out, into] of [
      ['self_attn.q', Q, H],
      ['self_attn.k', KV, H],
      ['self_attn.v', KV, H],
      ['self_attn.o', H, Q],
      ['mlp.gate', F, H],
      ['mlp.up', F, H],
      ['mlp.down', H, F],
    ] as const) {
      shapes.set(`${p}.${name}_proj.weight`, [out, into]);
      if (config.attentionBias && /[qkv]$/.test(name)) shapes.set(`${p}.${name}_proj.bias`, [out]);
    }
    if (config.qkNorm)
      for (const n of 'qk') shapes.set(`${p}.self_attn.${n}_norm.weight`, [headDim]);
  }
  const readFloat32 = (name: string): Promise<Float32Array> => {
    const shape = shapes.get(name)!;
    let state = [...name].reduce((n, c) => (Math.imul(n, 31) + c.charCodeAt(0)) >>> 0, 7);
    const random = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32 - 0.5;
    };
    const size = shape.reduce((a, b) => a * b, 1);
    const norm = name.endsWith('norm.weight');
    const scale = norm ? 0.2 : shape.length === 1 ? 0.1 : 3 / Math.sqrt(shape[1]!);
    const middle = norm && !config.normPlusOne ? 1 : 0;
    return Promise.resolve(Float32Array.from({ length: size }, () => middle + scale * random()));
  };
  return {
    names: () => [...shapes.keys()],
    has: (name) => shapes.has(name),
    info: (name) => ({
      dtype: 'F32',
      shape: shapes.get(name)!,
      file: '',
      offset: 0,
      byteLength: 0,
    }),
    readFloat32,
    close: () => Promise.resolve(),
  };
}
