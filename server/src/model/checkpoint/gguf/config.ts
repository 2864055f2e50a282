import { parseConfig, type ModelConfig } from '../config.js';
import type { GgufMetadata } from './metadata.js';
import { GGUF_ARCHITECTURES } from './names.js';
import { inverseFrequencies } from '../rotary.js';

/** Llama 3.1 and 3.2 differ in `factor` only. */
const LLAMA3_ROPE = {
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 8192,
};

/** What the metadata leaves to the tensors. */
export interface TensorFacts {
  readonly vocabSize: number;
  readonly attentionBias: boolean;
  readonly mlpBias: boolean;
  /** `rope_freqs.weight`: what each inverse frequency is divided by. */
  readonly ropeFactors?: Float32Array;
}

/**
 * A GGUF's metadata as the `config.json` that its model had, read as one.
 * @throws Error naming the file, the key and what is supported
 */
export function ggufConfig(metadata: GgufMetadata, facts: TensorFacts): ModelConfig {
  const architecture = metadata.string('general.architecture') ?? 'none';
  if (!GGUF_ARCHITECTURES.includes(architecture)) {
    throw new Error(
      `${metadata.file}: architecture "${architecture}"; supported: ${GGUF_ARCHITECTURES.join(', ')}`,
    );
  }
  const optional = (key: string): number | undefined => metadata.number(`${architecture}.${key}`);
  const number = (key: string): number => {
    const value = optional(key);
    if (value === undefined) throw metadata.error(`${architecture}.${key}`, 'a number');
    return value;
  };
  if ((optional('expert_count') ?? 0) > 0) {
    throw new Error(`${metadata.file}: a mixture of experts; supported: dense models`);
  }
  const layers = number('block_count');
  const hiddenSize = number('embedding_length');
  const heads = number('attention.head_count');
  const headDim =
    optional('attention.key_length') ?? optional('rope.dimension_count') ?? hiddenSize / heads;
  const json: Record<string, unknown> = {
    model_type: architecture,
    hidden_size: hiddenSize,
    intermediate_size: number('feed_forward_length'),
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: optional('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    vocab_size: facts.vocabSize,
    max_position_embeddings: number('context_length'),
    rms_norm_eps: number('attention.layer_norm_rms_epsilon'),
    attention_bias: facts.attentionBias,
    mlp_bias: facts.mlpBias,
    rope_theta: optional('rope.freq_base') ?? 10000,
    rope_scaling: ropeScaling(metadata, architecture, headDim, facts.ropeFactors),
  };
  const window = optional('attention.sliding_window');
  // Mistral's files are those of a Llama; llama.cpp runs them without the window that some of them name.
  if (architecture === 'llama' && window !== undefined) {
    Object.assign(json, { model_type: 'mistral', sliding_window: window });
  }
  if (architecture === 'gemma2' || architecture === 'gemma3') {
    json['sliding_window'] = number('attention.sliding_window');
    // Where the file does not say it, as llama.cpp: hidden/heads for the 27B (46 and 62 layers), else the head's size.
    const large = layers === (architecture === 'gemma2' ? 46 : 62);
    const scale = optional('attention.scale');
    const usual = large ? hiddenSize / heads : headDim;
    json['query_pre_attn_scalar'] = scale === undefined ? usual : scale ** -2;
  }
  if (architecture === 'gemma2') {
    json['attn_logit_softcapping'] = optional('attn_logit_softcapping') ?? 50;
  }
  if (architecture === 'gemma3') {
    const pattern = optional('attention.sliding_window_pattern');
    const local = optional('rope.freq_base_swa');
    Object.assign(json, {
      model_type: 'gemma3_text',
      rope_theta: optional('rope.freq_base') ?? 1e6,
      ...(pattern === undefined ? {} : { sliding_window_pattern: pattern }),
      ...(local === undefined ? {} : { rope_local_base_freq: local }),
    });
  }
  const config = parseConfig(json, metadata.file);
  const dropped =
    (facts.attentionBias && !config.attentionBias) || (facts.mlpBias && !config.mlpBias);
  if (dropped) {
    throw new Error(
      `${metadata.file}: biases, which a ${config.architecture} of this kind has not`,
    );
  }
  return config;
}

function ropeScaling(
  metadata: GgufMetadata,
  architecture: string,
  headDim: number,
  factors: Float32Array | undefined,
): Record<string, unknown> | null {
  const type = metadata.string(`${architecture}.rope.scaling.type`) ?? 'none';
  if (type !== 'none') {
    const value = (key: string): number | undefined =>
      metadata.number(`${architecture}.rope.scaling.${key}`);
    if (type === 'linear') return { rope_type: 'linear', factor: value('factor') };
    if (type !== 'yarn') {
      throw new Error(
        `${metadata.file}: rope scaling "${type}"; supported: none, linear, llama3, yarn`,
      );
    }
    return {
      rope_type: 'yarn',
      factor: value('factor'),
      original_max_position_embeddings: value('original_context_length'),
      beta_fast: value('yarn_beta_fast'),
      beta_slow: value('yarn_beta_slow'),
    };
  }
  const old = metadata.number(`${architecture}.rope.scale_linear`);
  if (old !== undefined && old !== 1) return { rope_type: 'linear', factor: old };
  if (factors === undefined) return null;
  // The file holds the result of Llama 3's rule, not its parameters: find them and check.
  const factor = Number(factors.reduce((a, b) => Math.max(a, b), 1).toPrecision(6));
  const theta = metadata.number(`${architecture}.rope.freq_base`) ?? 10000;
  const plain = inverseFrequencies({ headDim, rope: { theta } });
  const scaled = inverseFrequencies({
    headDim,
    rope: {
      theta,
      scaling: {
        type: 'llama3',
        factor,
        lowFreqFactor: LLAMA3_ROPE.low_freq_factor,
        highFreqFactor: LLAMA3_ROPE.high_freq_factor,
        originalMaxPosition: LLAMA3_ROPE.original_max_position_embeddings,
      },
    },
  });
  const same =
    factors.length === plain.length &&
    factors.every((f, i) => Math.abs(plain[i]! / scaled[i]! / f - 1) < 1e-4);
  if (!same) {
    throw new Error(
      `${metadata.file}: tensor "rope_freqs.weight" does not follow Llama 3.1's rule, the only one supported`,
    );
  }
  return { rope_type: 'llama3', factor, ...LLAMA3_ROPE };
}
