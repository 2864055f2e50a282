import type { Fields } from './fields.js';

/** Which of an attention's linear maps have a bias: all or none by `attention_bias`, or whatever that says. */
export type Biases = 'as-configured' | 'query-key-value' | 'none';

/** Per layer: does it see only the last `sliding_window` tokens? Undefined where the type has no window. */
type Sliding = (f: Fields, layers: number) => readonly boolean[] | undefined;

/**
 * What sets a model type apart from a Llama. Nothing else in the program asks for a model's type: a further
 * decoder of this family is a further row.
 */
export interface Architecture {
  /** transformers' defaults of fields that a config.json may leave out. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** The field that names the MLP's activation. */
  readonly activationField: 'hidden_act' | 'hidden_activation';
  readonly biases: Biases;
  /** Whether `mlp_bias` is read. */
  readonly mlpBiases?: boolean;
  /** q and k are normed head by head before the rotary embedding. */
  readonly qkNorm: boolean;
  /** Gemma's embeddings are multiplied by sqrt(hidden size), and its norms store their weight minus 1. */
  readonly gemmaScales: boolean;
  /** The outputs of attention and MLP are normed too. */
  readonly sandwichNorms: boolean;
  /** The field whose value^-0.5 scales q k^T, in place of the head's size. */
  readonly queryScalar?: string;
  /** The field of the cap of attention logits. */
  readonly softcap?: string | undefined;
  readonly sliding: Sliding;
  /** Field of the rotary base of sliding layers, where they have one of their own. */
  readonly localBase?: string;
}

const never: Sliding = () => undefined;
/** Mistral; transformers does not read its `layer_types`. */
const always: Sliding = (_, layers) => Array.from({ length: layers }, () => true);
const listed = (f: Fields, layers: number, other: (layer: number) => boolean): readonly boolean[] =>
  f.perLayer('layer_types', layers, LAYER_TYPES) ??
  Array.from({ length: layers }, (_, layer) => other(layer));
/** Qwen: only when switched on, and not in the first layers. */
const afterFull: Sliding = (f, layers) => {
  if (!f.boolean('use_sliding_window')) return undefined;
  const full = f.number('max_window_layers');
  return listed(f, layers, (layer) => layer >= full);
};
/** Gemma 2: every second layer sees everything. */
const alternating: Sliding = (f, layers) => listed(f, layers, (layer) => layer % 2 === 0);
/** Gemma 3: every n-th. */
const patterned: Sliding = (f, layers) => {
  const pattern = f.count('sliding_window_pattern', 6);
  return listed(f, layers, (layer) => (layer + 1) % pattern !== 0);
};
const LAYER_TYPES = { full_attention: false, sliding_attention: true } as const;

const LLAMA: Architecture = {
  defaults: { hidden_act: 'silu', max_position_embeddings: 2048, rms_norm_eps: 1e-6 },
  activationField: 'hidden_act',
  biases: 'as-configured',
  mlpBiases: true,
  qkNorm: false,
  gemmaScales: false,
  sandwichNorms: false,
  sliding: never,
};
const QWEN2: Architecture = {
  ...LLAMA,
  defaults: {
    ...LLAMA.defaults,
    num_key_value_heads: 32,
    max_position_embeddings: 32768,
    sliding_window: 4096,
    max_window_layers: 28,
  },
  biases: 'query-key-value',
  mlpBiases: false,
  sliding: afterFull,
};
const GEMMA: Architecture = {
  ...LLAMA,
  defaults: {
    hidden_act: 'gelu_pytorch_tanh',
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    num_key_value_heads: 16,
    head_dim: 256,
    pad_token_id: 0,
  },
  mlpBiases: false,
  gemmaScales: true,
};
const GEMMA2: Architecture = {
  ...GEMMA,
  defaults: {
    ...GEMMA.defaults,
    hidden_activation: 'gelu_pytorch_tanh',
    num_key_value_heads: 4,
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
  },
  activationField: 'hidden_activation',
  sandwichNorms: true,
  queryScalar: 'query_pre_attn_scalar',
  softcap: 'attn_logit_softcapping',
  sliding: alternating,
};

/** By `model_type`. */
export const ARCHITECTURES = {
  llama: LLAMA,
  mistral: {
    ...LLAMA,
    defaults: {
      ...LLAMA.defaults,
      num_key_value_heads: 8,
      max_position_embeddings: 131072,
      sliding_window: 4096,
    },
    biases: 'none',
    mlpBiases: false,
    sliding: always,
  },
  qwen2: QWEN2,
  qwen3: {
    ...QWEN2,
    defaults: { ...QWEN2.defaults, head_dim: 128 },
    biases: 'as-configured',
    qkNorm: true,
  },
  gemma: GEMMA,
  gemma2: GEMMA2,
  gemma3_text: {
    ...GEMMA2,
    defaults: {
      ...GEMMA2.defaults,
      vocab_size: 262208,
      num_attention_heads: 8,
      max_position_embeddings: 131072,
      rope_theta: 1e6,
      rope_local_base_freq: 10000,
    },
    qkNorm: true,
    // transformers reads the field and caps nothing.
    softcap: undefined,
    sliding: patterned,
    localBase: 'rope_local_base_freq',
  },
} as const satisfies Readonly<Record<string, Architecture>>;

export type ArchitectureName = keyof typeof ARCHITECTURES;

export const ARCHITECTURE_NAMES = Object.keys(ARCHITECTURES) as readonly ArchitectureName[];

/** A row by the name that a file gives. */
export function architectureOf(name: string): Architecture | undefined {
  return Object.hasOwn(ARCHITECTURES, name) ? ARCHITECTURES[name as ArchitectureName] : undefined;
}
