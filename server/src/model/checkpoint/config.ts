/** Scaling of the rotary frequencies (Hugging Face `rope_scaling`). */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPosition: number;
    };

/** What the graph needs to know of a decoder-only backbone. Sizes in elements. */
export interface ModelConfig {
  readonly architecture: 'llama' | 'gemma2';
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Longest context in tokens. */
  readonly maxPositions: number;
  readonly rmsNormEps: number;
  readonly activation: 'silu' | 'gelu_tanh';
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  readonly rope: { readonly theta: number; readonly scaling?: RopeScaling };
  /** Factor of the embeddings: 1, or sqrt(hiddenSize) for Gemma. */
  readonly embeddingScale: number;
  /** Gemma stores a norm's weight minus 1. */
  readonly normPlusOne: boolean;
  /** Gemma 2 norms the output of attention and of the MLP too. */
  readonly sandwichNorms: boolean;
  /** Factor of q k^T, usually headDim^-0.5. */
  readonly queryScale: number;
  /** Attention logits become cap * tanh(logits / cap). */
  readonly attnSoftcap?: number;
  readonly slidingWindow?: number;
  /** Per layer: does it see only the last `slidingWindow` tokens? */
  readonly slidingLayers?: readonly boolean[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads fields of a config with errors that name file and field. */
class Fields {
  constructor(
    private readonly json: Json,
    private readonly file: string,
  ) {}

  number(name: string, fallback?: number): number {
    const value = this.json[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw this.error(name, value, 'a number');
    }
    return value;
  }

  optional(name: string): number | undefined {
    return this.json[name] == null ? undefined : this.number(name);
  }

  boolean(name: string): boolean {
    const value = this.json[name] ?? false;
    if (typeof value !== 'boolean') throw this.error(name, value, 'true or false');
    return value;
  }

  oneOf<T>(name: string, value: unknown, known: Readonly<Record<string, T>>): T {
    const found = typeof value === 'string' ? known[value] : undefined;
    if (found === undefined) {
      throw this.error(name, value, `one of ${Object.keys(known).join(', ')}`);
    }
    return found;
  }

  object(name: string): Fields | undefined {
    const value = this.json[name];
    if (value == null) return undefined;
    if (typeof value !== 'object') throw this.error(name, value, 'an object');
    return new Fields(value as Json, `${this.file}, ${name}`);
  }

  get(name: string): unknown {
    return this.json[name];
  }

  error(name: string, found: unknown, expected: string): Error {
    const shown = JSON.stringify(found) ?? 'nothing';
    return new Error(`${this.file}: "${name}" is ${shown.slice(0, 80)}; supported: ${expected}`);
  }
}

const LLAMA_ACTIVATIONS = { silu: 'silu', swish: 'silu' } as const;
const GEMMA_ACTIVATIONS = { gelu_pytorch_tanh: 'gelu_tanh' } as const;

/**
 * The backbone that a Hugging Face `config.json` describes: Llama 2/3 and Gemma 2 layouts.
 * @param file the config's path, for errors
 * @throws Error naming the file, the field and what is supported
 */
export function parseConfig(json: Json, file: string): ModelConfig {
  const f = new Fields(json, file);
  const architecture = f.oneOf('model_type', json['model_type'], {
    llama: 'llama',
    gemma2: 'gemma2',
  } as const);
  const hiddenSize = f.number('hidden_size');
  const layers = f.number('num_hidden_layers');
  const heads = f.number('num_attention_heads');
  const kvHeads = f.number('num_key_value_heads', heads);
  const headDim = f.number('head_dim', hiddenSize / heads);
  if (!Number.isInteger(heads / kvHeads)) {
    throw f.error('num_key_value_heads', kvHeads, `a divisor of num_attention_heads (${heads})`);
  }
  const common = {
    layers,
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize: f.number('intermediate_size'),
    vocabSize: f.number('vocab_size'),
    maxPositions: f.number('max_position_embeddings', architecture === 'gemma2' ? 8192 : 2048),
    rmsNormEps: f.number('rms_norm_eps', 1e-6),
    attentionBias: f.boolean('attention_bias'),
    mlpBias: f.boolean('mlp_bias'),
    rope: ropeOf(f),
  };
  if (architecture === 'llama') {
    return {
      ...common,
      architecture,
      activation: f.oneOf('hidden_act', json['hidden_act'] ?? 'silu', LLAMA_ACTIVATIONS),
      embeddingScale: 1,
      normPlusOne: false,
      sandwichNorms: false,
      queryScale: headDim ** -0.5,
    };
  }
  const activation = json['hidden_activation'] ?? json['hidden_act'] ?? 'gelu_pytorch_tanh';
  const types = json['layer_types'];
  const slidingWindow = f.optional('sliding_window');
  return {
    ...common,
    architecture,
    activation: f.oneOf('hidden_activation', activation, GEMMA_ACTIVATIONS),
    embeddingScale: Math.sqrt(hiddenSize),
    normPlusOne: true,
    sandwichNorms: true,
    queryScale: f.number('query_pre_attn_scalar', 256) ** -0.5,
    attnSoftcap: f.optional('attn_logit_softcapping'),
    slidingWindow,
    slidingLayers:
      slidingWindow === undefined
        ? undefined
        : Array.from({ length: layers }, (_, i) =>
            Array.isArray(types) ? types[i] === 'sliding_attention' : i % 2 === 0,
          ),
  };
}

/** `rope_theta` and `rope_scaling`, or both inside `rope_parameters` as newer configs have them. */
function ropeOf(f: Fields): ModelConfig['rope'] {
  const inner = f.object('rope_parameters');
  const theta = (inner ?? f).number('rope_theta', 10000);
  const s = f.object('rope_scaling') ?? inner;
  const type = s?.get('rope_type') ?? s?.get('type') ?? 'default';
  if (s === undefined || type === 'default') return { theta };
  const factor = s.number('factor');
  const kind = s.oneOf('rope_type', type, { linear: 'linear', llama3: 'llama3' } as const);
  if (kind === 'linear') return { theta, scaling: { type: 'linear', factor } };
  return {
    theta,
    scaling: {
      type: 'llama3',
      factor,
      lowFreqFactor: s.number('low_freq_factor'),
      highFreqFactor: s.number('high_freq_factor'),
      originalMaxPosition: s.number('original_max_position_embeddings'),
    },
  };
}
