import { parseConfig, type ModelConfig } from './config.js';
import type { GgufMetadata } from './gguf-metadata.js';
import { inverseFrequencies } from './rope.js';

const ARCHITECTURES = ['llama', 'gemma2'];
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
  if (!ARCHITECTURES.includes(architecture)) {
    throw new Error(
      `${metadata.file}: architecture "${architecture}"; supported: ${ARCHITECTURES.join(', ')}`,
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
  if (architecture === 'gemma2') {
    json['sliding_window'] = number('attention.sliding_window');
    json['attn_logit_softcapping'] = optional('attn_logit_softcapping') ?? 50;
    // Not in the file; llama.cpp takes hidden/heads for the 27B (46 layers), else the head's size.
    json['query_pre_attn_scalar'] = layers === 46 ? hiddenSize / heads : headDim;
  }
  return parseConfig(json, metadata.file);
}

function ropeScaling(
  metadata: GgufMetadata,
  architecture: string,
  headDim: number,
  factors: Float32Array | undefined,
): Record<string, unknown> | null {
  const type = metadata.string(`${architecture}.rope.scaling.type`) ?? 'none';
  if (type !== 'none') {
    if (type !== 'linear') {
      throw new Error(`${metadata.file}: rope scaling "${type}"; supported: none, linear, llama3`);
    }
    return { rope_type: 'linear', factor: metadata.number(`${architecture}.rope.scaling.factor`) };
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
