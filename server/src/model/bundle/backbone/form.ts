import { byteSize, PRECISIONS, type Precision, type Provider } from '../../../protocol/index.js';
import type { ModelConfig } from '../../checkpoint/config.js';
import { paddedHead, variantFor, type Variant } from '../../graph/paths/variants.js';
import { prefersInt8 } from '../../int8/convert-int8.js';

/** In what form a backbone is converted and run. */
export interface Form {
  readonly precision: Precision;
  /** Of the graph of paths; undefined: the graphs of tiles, which the CPU's float32 and int8 and CUDA's float32 have. */
  readonly variant?: Variant;
}

/** Where a model is to run. */
export interface Target {
  readonly provider: Provider;
  /** Bytes of memory that are free there, as far as that is known. */
  readonly memory?: number;
}

export interface Choice extends Form {
  /** In words, where `auto` took another than it takes with memory enough, or where memory may not do. */
  readonly note?: string;
}

/** Of free memory, what a model may take. */
const SHARE = 0.9;
/** Tokens of the smallest batch that is worth running. */
const LEAST_TOKENS = 512;

/**
 * What `auto` takes on each provider where memory allows, and then in turn. Gemma's activations leave the range of
 * float16; without a backbone that is large for the GPU, WebGPU runs 8-bit weights, whose results are float32's to 1e-3.
 */
function wishes(provider: Provider, config: ModelConfig): readonly Precision[] {
  if (provider === 'cuda') return [config.normPlusOne ? 'bfloat16' : 'float16', 'int8', 'int4'];
  if (provider !== 'cpu') return ['int8', 'int4'];
  return prefersInt8(config) ? ['int8', 'int4'] : ['float32', 'int8', 'int4'];
}

/** The precisions that a provider runs. */
export function precisionsOf(provider: Provider, config: ModelConfig): readonly Precision[] {
  return PRECISIONS.filter(
    (p) => hasTiles(provider, p) || variantFor(provider, p, config) !== undefined,
  );
}

const hasTiles = (provider: Provider, precision: Precision): boolean =>
  (provider === 'cpu' && (precision === 'float32' || precision === 'int8')) ||
  (provider === 'cuda' && precision === 'float32');

/**
 * The form of a precision on a provider.
 * @throws Error naming the precisions that the provider runs
 */
export function formOf(precision: Precision, provider: Provider, config: ModelConfig): Form {
  const variant = variantFor(provider, precision, config);
  if (variant !== undefined) return { precision, variant };
  if (hasTiles(provider, precision)) return { precision };
  const known = precisionsOf(provider, config).join(', ');
  throw new Error(`precision ${precision}: ${provider} runs ${known}`);
}

/** Is it made of operators that only the CPU has? The float32 tiles run anywhere. */
export const isForCpu = ({ precision, variant }: Form): boolean =>
  variant === undefined ? precision === 'int8' : variant.accuracy !== undefined;

/** The form that is asked for, or with `auto` the best whose memory is there. @throws Error as formOf */
export function chooseForm(
  wanted: Precision | 'auto',
  config: ModelConfig,
  { provider, memory }: Target = { provider: 'cpu' },
): Choice {
  if (wanted !== 'auto') return formOf(wanted, provider, config);
  const all = wishes(provider, config).map((p) => formOf(p, provider, config));
  const [first, ...smaller] = all as [Form, ...Form[]];
  const fits = (form: Form): boolean =>
    memory === undefined || bytesOf(form, config, provider) <= SHARE * memory;
  if (fits(first)) return first;
  const chosen = smaller.find(fits);
  const need = (form: Form): string => byteSize(bytesOf(form, config, provider), Math.ceil);
  const lack = `${first.precision} takes about ${need(first)} and ${byteSize(memory!, Math.floor)} are free`;
  if (chosen) return { ...chosen, note: `precision ${chosen.precision}, since ${lack}` };
  const last = smaller.at(-1) ?? first;
  return {
    ...last,
    note: `precision ${last.precision}, since ${lack}; its ${need(last)} may not fit either`,
  };
}

/** About the bytes of memory that a backbone takes while it runs, with a small batch. */
export function bytesOf(form: Form, config: ModelConfig, provider: Provider): number {
  return weightBytes(form, config, provider) + LEAST_TOKENS * tokenBytes(form, config);
}

/** Weights of the linear layers. */
export function linearWeights(config: ModelConfig): number {
  const { layers, hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  const D = paddedHead(headDim);
  return layers * hiddenSize * (3 * intermediateSize + 2 * (heads + kvHeads) * D);
}

function weightBytes(
  { precision, variant }: Form,
  config: ModelConfig,
  provider: Provider,
): number {
  const linear = linearWeights(config);
  const embedding = config.vocabSize * config.hiddenSize;
  if (variant === undefined)
    return precision === 'int8'
      ? linear + 4 * embedding + 8 * config.hiddenSize ** 2
      : 4 * (linear + embedding);
  const float = variant.activations === 'float32' ? 4 : 2;
  if (variant.bits === undefined) return float * linear;
  // Scales; the CPU packs codes with their scales and the sums of blocks.
  const scales = provider === 'cpu' ? 2 * float : float;
  return (variant.bits / 8 + scales / 32) * linear;
}

/** About the bytes that a token of a batch takes: what one layer keeps, twice, since buffers are not packed tightly. */
export function tokenBytes({ variant }: Form, config: ModelConfig): number {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim } = config;
  const float = variant === undefined || variant.activations === 'float32' ? 4 : 2;
  const qkv = (heads + 2 * kvHeads) * paddedHead(headDim);
  return 2 * float * (4 * H + 2 * qkv + 2 * heads * paddedHead(headDim) + 3 * F);
}
