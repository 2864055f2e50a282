import {
  ARCHITECTURE_NAMES,
  architectureOf,
  ARCHITECTURES,
  type Architecture,
  type ArchitectureName,
} from './architecture/rows.js';
import { Fields } from './architecture/fields.js';
import { ropeOf, type RopeConfig } from './architecture/rope.js';

export type { RopeConfig, RopeScaling } from './architecture/rope.js';

/** What the graph needs to know of a decoder-only backbone. Sizes in elements. */
export interface ModelConfig {
  readonly architecture: ArchitectureName;
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
  readonly activation: 'silu' | 'gelu_tanh' | 'gelu';
  /** Whether q, k and v have biases, and the output projection unless `outputBias` says otherwise. */
  readonly attentionBias: boolean;
  readonly outputBias?: boolean;
  readonly mlpBias: boolean;
  readonly rope: RopeConfig;
  /** Of sliding layers, where they have a rotary embedding of their own. */
  readonly localRope?: RopeConfig;
  /** Factor of the embeddings: 1, or sqrt(hiddenSize) for Gemma. */
  readonly embeddingScale: number;
  /** Gemma stores a norm's weight minus 1. */
  readonly normPlusOne: boolean;
  /** Gemma 2 norms the output of attention and of the MLP too. */
  readonly sandwichNorms: boolean;
  /** Each head of q and k is normed before the rotary embedding. */
  readonly qkNorm?: boolean;
  /** Factor of q k^T, usually headDim^-0.5. */
  readonly queryScale: number;
  /** Attention logits become cap * tanh(logits / cap). */
  readonly attnSoftcap?: number;
  readonly slidingWindow?: number;
  /** Per layer: does it see only the last `slidingWindow` tokens? */
  readonly slidingLayers?: readonly boolean[];
}

type Json = Readonly<Record<string, unknown>>;

const ACTIVATIONS = {
  silu: 'silu',
  swish: 'silu',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_python_tanh: 'gelu_tanh',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu: 'gelu',
  gelu_python: 'gelu',
} as const;

/** The part of a config.json that describes the language model: Gemma 3 keeps it inside `text_config`. */
function textConfig(json: Json): Json {
  const inner = json['text_config'];
  if (typeof inner !== 'object' || inner === null) return json;
  const { model_type: type, ...outer } = json;
  return { ...outer, model_type: `${String(type)}_text`, ...inner };
}

/** config.json with the defaults of its model type, for the fields that heads read. */
export function settingsOf(whole: Json): Json {
  const json = textConfig(whole);
  const defaults = architectureOf(String(json['model_type']))?.defaults ?? {};
  return 'pad_token_id' in json || !('pad_token_id' in defaults)
    ? json
    : { ...json, pad_token_id: defaults['pad_token_id'] };
}

/**
 * The backbone that a Hugging Face `config.json` describes: a decoder of architecture/rows.ts.
 * @param file the config's path, for errors
 * @throws Error naming the file, the field and what is supported
 */
export function parseConfig(whole: Json, file: string): ModelConfig {
  const json = textConfig(whole);
  const known = Object.fromEntries(ARCHITECTURE_NAMES.map((name) => [name, name]));
  const architecture = new Fields(json, file).oneOf('model_type', known) as ArchitectureName;
  const row: Architecture = ARCHITECTURES[architecture];
  const f = new Fields(json, file, row.defaults);
  if (json['quantization_config'] != null) throw quantised(json['quantization_config'], file);
  if (f.get('use_bidirectional_attention')) {
    throw f.error('use_bidirectional_attention', true, 'causal attention');
  }
  const hiddenSize = f.count('hidden_size');
  const layers = f.count('num_hidden_layers');
  const heads = f.count('num_attention_heads');
  const kvHeads = f.count('num_key_value_heads', heads);
  const headDim = f.count('head_dim', hiddenSize / heads);
  if (!Number.isInteger(heads / kvHeads)) {
    throw f.error('num_key_value_heads', kvHeads, `a divisor of num_attention_heads (${heads})`);
  }
  if (f.number('partial_rotary_factor', 1) !== 1) {
    throw f.error('partial_rotary_factor', f.get('partial_rotary_factor'), '1');
  }
  if (headDim % 2 !== 0) throw f.error('head_dim', headDim, 'even numbers');
  const maxPositions = f.count('max_position_embeddings');
  const { rope, localRope } = ropeOf(f, maxPositions, row.localBase);
  const bias = row.biases === 'query-key-value';
  const sliding = slidingOf(f, row, layers, maxPositions);
  // The order of the fields enters the fingerprint of a GGUF.
  return {
    layers,
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize: f.count('intermediate_size'),
    vocabSize: f.count('vocab_size'),
    maxPositions,
    rmsNormEps: f.positive('rms_norm_eps'),
    attentionBias: bias || (row.biases === 'as-configured' && f.boolean('attention_bias')),
    mlpBias: row.mlpBiases === true && f.boolean('mlp_bias'),
    rope,
    architecture,
    activation: f.oneOf(row.activationField, ACTIVATIONS),
    embeddingScale: row.gemmaScales ? Math.sqrt(hiddenSize) : 1,
    normPlusOne: row.gemmaScales,
    sandwichNorms: row.sandwichNorms,
    queryScale: (row.queryScalar === undefined ? headDim : f.number(row.queryScalar)) ** -0.5,
    attnSoftcap: row.softcap === undefined ? undefined : f.optional(row.softcap),
    ...sliding,
    ...(bias ? { outputBias: false } : {}),
    ...(row.qkNorm ? { qkNorm: true } : {}),
    ...(localRope && sliding.slidingLayers ? { localRope } : {}),
  };
}

function slidingOf(
  f: Fields,
  row: Architecture,
  layers: number,
  maxPositions: number,
): Pick<ModelConfig, 'slidingWindow' | 'slidingLayers'> {
  const slidingLayers = row.sliding(f, layers);
  if (slidingLayers === undefined || f.optional('sliding_window') === undefined) return {};
  const slidingWindow = f.count('sliding_window');
  // A window as long as the context hides nothing; a rotary base of its own stays.
  const hides = slidingWindow < maxPositions || row.localBase !== undefined;
  return hides && slidingLayers.some(Boolean) ? { slidingWindow, slidingLayers } : {};
}

function quantised(config: unknown, file: string): Error {
  const method = (config as Json)['quant_method'];
  return new Error(
    `${file}: the weights are quantised (${String(method ?? 'quantization_config')}), which is not read here; ` +
      `take the original in float32, float16 or bfloat16, or a GGUF of it`,
  );
}
