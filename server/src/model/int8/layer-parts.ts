import type { ModelConfig } from '../checkpoint/config.js';
import { dequantize } from '../checkpoint/gguf/blocks.js';
import type { StoredBlocks } from '../checkpoint/safetensors.js';
import type { DataTypeName } from '../graph/onnx-schema.js';
import { Rotation, transpose } from './hadamard.js';
import { quantizeColumns, quantizeRows, type Quantized } from './quantize.js';

/** A tensor as it is written, its name within the layer. */
export interface LayerTensor {
  readonly name: string;
  readonly dtype: DataTypeName;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int8Array;
}

type Sizes = Pick<
  ModelConfig,
  'hiddenSize' | 'intermediateSize' | 'heads' | 'kvHeads' | 'headDim' | 'sandwichNorms'
>;
/** Weights as numbers, or as a file holds them: these are expanded where they are used. */
export type Weights = Float32Array | StoredBlocks;
/** What a part is given, by name: matrices as they come, vectors as float32. */
export type Arrays = Readonly<Record<string, Weights>>;

const numbers = (weights: Weights | undefined): Float32Array =>
  weights instanceof Float32Array
    ? weights
    : dequantize(weights!.type, weights!.bytes, weights!.count);

/**
 * The arithmetic of a conversion, in parts that know nothing of one another, so that each can run in a thread of its
 * own (part-pool.ts). All overwrite the arrays that they are given.
 */
export const PARTS = {
  /** Rows of the residual stream, rotated. */
  rotate: ({ hiddenSize }: Sizes, a: Arrays): LayerTensor[] => {
    const rows = numbers(a['rows']);
    rotation(hiddenSize).applyToRows(rows);
    return [{ name: 'rows', dtype: 'float32', shape: [rows.length], data: rows }];
  },
  attention,
  gate,
  upDown,
} as const;

export type PartName = keyof typeof PARTS;

const rotations = new Map<number, Rotation>();
export function rotation(size: number): Rotation {
  const known = rotations.get(size) ?? new Rotation(size);
  rotations.set(size, known);
  return known;
}

function linear(
  name: string,
  inputs: number,
  outputs: number,
  q: Quantized,
  bias?: Float32Array,
): LayerTensor[] {
  // What the rounding of the weights costs on average, and the map's own bias: one vector.
  if (bias) for (let o = 0; o < outputs; o++) q.bias[o]! += bias[o]!;
  return [
    { name: `${name}.q`, dtype: 'int8', shape: [inputs, outputs], data: q.values },
    { name: `${name}.scale`, dtype: 'float32', shape: [outputs], data: q.scale },
    { name: `${name}.bias`, dtype: 'float32', shape: [outputs], data: q.bias },
  ];
}

/** [out, H] that reads the normed residual: the norm's weight folded in, its inputs rotated. */
function reads(weight: Float32Array, norm: Float32Array): Float32Array {
  const H = norm.length;
  for (let at = 0; at < weight.length; at += H)
    for (let i = 0; i < H; i++) weight[at + i]! *= norm[i]!;
  rotation(H).applyToRows(weight);
  return weight;
}

/** Before a norm of its own an output keeps its basis: the norm's weight belongs to it. */
function intoStream({ sandwichNorms, hiddenSize }: Sizes, rows: Float32Array): Float32Array {
  if (!sandwichNorms) rotation(hiddenSize).applyToRows(rows);
  return rows;
}

/** Of `q k v o norm mean context` (its mean) and their biases `q.bias …`. */
function attention(sizes: Sizes, given: Arrays): LayerTensor[] {
  const { hiddenSize: H, heads, kvHeads, headDim: D } = sizes;
  const a = (name: string): Float32Array => numbers(given[name]);
  const biasOf = (name: string): Float32Array | undefined =>
    given[`${name}.bias`] && a(`${name}.bias`);
  const value = rotation(D);
  const [mean, norm] = [a('mean'), a('norm')];
  rotation(H).applyToRows(mean);
  // Each value head is rotated; the output projection takes it back.
  const vT = transpose(a('v'), kvHeads * D, H);
  value.applyToRows(vT);
  const inputs = [
    ['q', a('q'), heads * D],
    ['k', a('k'), kvHeads * D],
    ['v', transpose(vT, H, kvHeads * D), kvHeads * D],
  ] as const;
  const out: LayerTensor[] = [];
  for (const [name, weight, outputs] of inputs) {
    const q = quantizeRows(reads(weight, norm), outputs, H, mean);
    const bias = biasOf(name);
    if (bias && name === 'v') value.applyToRows(bias);
    out.push(...linear(`self_attn.${name}_proj`, H, outputs, q, bias));
  }
  const o = a('o');
  value.applyToRows(o);
  const width = heads * D;
  const oT = intoStream(sizes, transpose(o, H, width));
  const bias = biasOf('o');
  const q = quantizeColumns(oT, width, H, a('context'));
  out.push(...linear('self_attn.o_proj', width, H, q, bias && intoStream(sizes, bias)));
  return out;
}

/** Of `gate norm mean` and `gate.bias`. */
function gate({ hiddenSize: H, intermediateSize: F }: Sizes, a: Arrays): LayerTensor[] {
  const mean = numbers(a['mean']);
  rotation(H).applyToRows(mean);
  const q = quantizeRows(reads(numbers(a['gate']), numbers(a['norm'])), F, H, mean);
  return linear('mlp.gate_proj', H, F, q, a['gate.bias'] && numbers(a['gate.bias']));
}

/** Of `up down norm mean innerPeak innerMean`, `up.bias` and `down.bias`: scales move from the one to the other. */
function upDown(sizes: Sizes, given: Arrays): LayerTensor[] {
  const { hiddenSize: H, intermediateSize: F } = sizes;
  const a = (name: string): Float32Array => numbers(given[name]);
  const [mean, innerMean] = [a('mean'), a('innerMean')];
  rotation(H).applyToRows(mean);
  const upBias = given['up.bias'] && a('up.bias');
  const downBias = given['down.bias'] && a('down.bias');
  const down = intoStream(sizes, transpose(a('down'), H, F));
  const smooth = smoothing(a('innerPeak'), down, H);
  const up = a('up');
  for (let i = 0; i < F; i++) {
    const by = smooth[i]!;
    for (let at = i * H; at < (i + 1) * H; at++) up[at]! /= by;
    for (let at = i * H; at < (i + 1) * H; at++) down[at]! *= by;
    innerMean[i]! /= by;
    if (upBias) upBias[i]! /= by;
  }
  const read = quantizeRows(reads(up, a('norm')), F, H, mean);
  const written = quantizeColumns(down, F, H, innerMean);
  return [
    ...linear('mlp.up_proj', H, F, read, upBias),
    ...linear('mlp.down_proj', F, H, written, downBias && intoStream(sizes, downBias)),
  ];
}

/** sqrt(largest input / largest weight) of each inner channel, geometric mean 1. */
function smoothing(peak: Float32Array, down: Float32Array, H: number): Float64Array {
  const out = new Float64Array(peak.length);
  let logs = 0;
  for (let i = 0; i < peak.length; i++) {
    let weight = 1e-6;
    for (let at = i * H; at < (i + 1) * H; at++) {
      const v = Math.abs(down[at]!);
      if (v > weight) weight = v;
    }
    out[i] = Math.sqrt(Math.max(peak[i]!, 1e-6) / weight);
    logs += Math.log(out[i]!);
  }
  const centre = Math.exp(logs / out.length);
  return out.map((s) => s / centre);
}
