import type { ModelConfig } from '../../checkpoint/config.js';
import type { Precision, Provider } from '../../../protocol/index.js';

export type FloatType = 'float32' | 'float16' | 'bfloat16';

/** One form of the graph of graph.ts, as data: nothing else decides what it is made of. */
export interface Variant {
  /** Names its converted weights: equal names mean equal files. */
  readonly id: string;
  readonly precision: Precision;
  /** Of linear layers and attention. */
  readonly activations: FloatType;
  /** Of the residual stream and the norms. */
  readonly residual: FloatType;
  /** Weights of linear layers: of the activations' type, or blocks of 32 of so many bits (MatMulNBits). */
  readonly bits?: 4 | 8;
  /** MatMulNBits' accuracy level: 4 allows int8 activations. */
  readonly accuracy?: 4;
  /** GroupQueryAttention, or products and a softmax spelled out. */
  readonly attention: 'fused' | 'spelled';
}

/** Weights of one scale. */
export const BLOCK = 32;

/** What a provider takes for a precision; Gemma's activations grow beyond what float16 holds. */
interface Row {
  readonly activations: FloatType;
  readonly bits?: 4 | 8;
  readonly accuracy?: 4;
}

const WEBGPU: Partial<Record<Precision, Row>> = {
  // A float16 product accumulates in float16 there (1.7 % at 4,096 channels): activations stay float32.
  float32: { activations: 'float32' },
  int8: { activations: 'float32', bits: 8 },
  int4: { activations: 'float32', bits: 4 },
};

/** What is not here runs on the graph of tiles (../backbone.ts), or nowhere. */
export const VARIANTS: Readonly<Record<Provider, Partial<Record<Precision, Row>>>> = {
  // float32 is the graph of tiles: GroupQueryAttention is not on CUDA in float32.
  cuda: {
    float16: { activations: 'float16' },
    bfloat16: { activations: 'bfloat16' },
    int8: { activations: 'float16', bits: 8 },
    int4: { activations: 'float16', bits: 4 },
  },
  webgpu: WEBGPU,
  dml: WEBGPU,
  // float32 and int8 have graphs and kernels of their own on the CPU.
  cpu: { int4: { activations: 'float32', bits: 4, accuracy: 4 } },
};

/** The variant of a precision on a provider, or undefined where another graph has it or nothing has. */
export function variantFor(
  provider: Provider,
  precision: Precision,
  config: ModelConfig,
): Variant | undefined {
  const row = VARIANTS[provider][precision];
  if (row === undefined) return undefined;
  // WebGPU and DirectML ignore GroupQueryAttention's cap of logits without a word.
  const capped = config.attnSoftcap !== undefined && provider !== 'cuda' && provider !== 'cpu';
  return makeVariant(precision, row, config, capped ? 'spelled' : 'fused');
}

/** A variant from its parts: the residual stream of a Gemma in float16 stays float32. */
export function makeVariant(
  precision: Precision,
  { activations, bits, accuracy }: Row,
  config: Pick<ModelConfig, 'normPlusOne'>,
  attention: Variant['attention'] = 'fused',
): Variant {
  const residual = activations === 'float16' && config.normPlusOne ? 'float32' : activations;
  const parts = [activations, residual === activations ? '' : 'r32', bits ? `b${bits}` : ''];
  parts.push(accuracy === undefined ? '' : `a${accuracy}`, attention === 'fused' ? '' : attention);
  return {
    id: parts.filter((part) => part !== '').join('-'),
    precision,
    activations,
    residual,
    ...(bits === undefined ? {} : { bits }),
    ...(accuracy === undefined ? {} : { accuracy }),
    attention,
  };
}

/** GroupQueryAttention rotates heads of a multiple of 16; others are widened by zeros. */
export const paddedHead = (headDim: number): number => 16 * Math.ceil(headDim / 16);
