import type { ModelConfig } from '../checkpoint/config.js';
import { STATIC } from '../graph/int8-weights.js';
import type { DataTypeName } from '../graph/onnx-schema.js';
import { Rotation, transpose } from './hadamard.js';
import { quantizeColumns, quantizeRows, type Quantized } from './quantize.js';

/** Share of the calibration tokens whose attention output is not clipped. */
const CONTEXT_COVERAGE = 0.99;

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
/** Float32 arrays by name. */
type Arrays = Readonly<Record<string, Float32Array>>;

/**
 * The arithmetic of a conversion, in parts that know nothing of one another, so that each can run in a thread of its
 * own (part-pool.ts). All overwrite the arrays that they are given.
 */
export const PARTS = {
  /** Rows of the residual stream, rotated. */
  rotate: ({ hiddenSize }: Sizes, { rows }: Arrays): LayerTensor[] => {
    rotation(hiddenSize).applyToRows(rows!);
    return [{ name: 'rows', dtype: 'float32', shape: [rows!.length], data: rows! }];
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

/** Of `q k v o norm mean context` and their biases `q.bias …`. */
function attention(sizes: Sizes, a: Arrays): LayerTensor[] {
  const { hiddenSize: H, heads, kvHeads, headDim: D } = sizes;
  const value = rotation(D);
  rotation(H).applyToRows(a['mean']!);
  // Each value head is rotated; the output projection takes it back.
  const vT = transpose(a['v']!, kvHeads * D, H);
  value.applyToRows(vT);
  const inputs = [
    ['q', a['q']!, heads * D],
    ['k', a['k']!, kvHeads * D],
    ['v', transpose(vT, H, kvHeads * D), kvHeads * D],
  ] as const;
  const out: LayerTensor[] = [];
  for (const [name, weight, outputs] of inputs) {
    const q = quantizeRows(reads(weight, a['norm']!), outputs, H, a['mean']!);
    const bias = a[`${name}.bias`];
    if (bias && name === 'v') value.applyToRows(bias);
    out.push(...linear(`self_attn.${name}_proj`, H, outputs, q, bias));
  }
  const context = a['context']!;
  value.applyToRows(context);
  value.applyToRows(a['o']!);
  const width = heads * D;
  const oT = intoStream(sizes, transpose(a['o']!, H, width));
  const bias = a['o.bias'];
  const q = quantizeColumns(oT, width, H, means(context, width));
  out.push(...linear('self_attn.o_proj', width, H, q, bias && intoStream(sizes, bias)));
  const scale = peakQuantile(context, width, CONTEXT_COVERAGE) / STATIC;
  const data = Float32Array.of(scale);
  out.push({ name: 'self_attn.context.scale', dtype: 'float32', shape: [], data });
  return out;
}

/** Of `gate norm mean` and `gate.bias`. */
function gate({ hiddenSize: H, intermediateSize: F }: Sizes, a: Arrays): LayerTensor[] {
  rotation(H).applyToRows(a['mean']!);
  const q = quantizeRows(reads(a['gate']!, a['norm']!), F, H, a['mean']!);
  return linear('mlp.gate_proj', H, F, q, a['gate.bias']);
}

/** Of `up down norm mean innerPeak innerMean`, `up.bias` and `down.bias`: scales move from the one to the other. */
function upDown(sizes: Sizes, a: Arrays): LayerTensor[] {
  const { hiddenSize: H, intermediateSize: F } = sizes;
  rotation(H).applyToRows(a['mean']!);
  const up = a['up']!;
  const innerMean = a['innerMean']!;
  const [upBias, downBias] = [a['up.bias'], a['down.bias']];
  const down = intoStream(sizes, transpose(a['down']!, H, F));
  const smooth = smoothing(a['innerPeak']!, down, H);
  for (let i = 0; i < F; i++) {
    for (let j = 0; j < H; j++) {
      up[i * H + j]! /= smooth[i]!;
      down[i * H + j]! *= smooth[i]!;
    }
    innerMean[i]! /= smooth[i]!;
    if (upBias) upBias[i]! /= smooth[i]!;
  }
  return [
    ...linear('mlp.up_proj', H, F, quantizeRows(reads(up, a['norm']!), F, H, a['mean']!), upBias),
    ...linear(
      'mlp.down_proj',
      F,
      H,
      quantizeColumns(down, F, H, innerMean),
      downBias && intoStream(sizes, downBias),
    ),
  ];
}

/** sqrt(largest input / largest weight) of each inner channel, geometric mean 1. */
function smoothing(peak: Float32Array, down: Float32Array, H: number): Float64Array {
  const out = new Float64Array(peak.length);
  let logs = 0;
  for (let i = 0; i < peak.length; i++) {
    let weight = 1e-6;
    for (let j = 0; j < H; j++) weight = Math.max(weight, Math.abs(down[i * H + j]!));
    out[i] = Math.sqrt(Math.max(peak[i]!, 1e-6) / weight);
    logs += Math.log(out[i]!);
  }
  const centre = Math.exp(logs / out.length);
  return out.map((s) => s / centre);
}

function means(rows: Float32Array, width: number): Float32Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < rows.length; i++) sums[i % width]! += rows[i]!;
  return Float32Array.from(sums, (s) => (s * width) / rows.length);
}

/** The magnitude that the largest entry of a share of the rows stays below. */
function peakQuantile(rows: Float32Array, width: number, share: number): number {
  const peaks: number[] = [];
  for (let at = 0; at < rows.length; at += width) {
    let peak = 0;
    for (let i = at; i < at + width; i++) peak = Math.max(peak, Math.abs(rows[i]!));
    peaks.push(peak);
  }
  peaks.sort((a, b) => a - b);
  return Math.max(peaks[Math.min(peaks.length - 1, Math.floor(share * peaks.length))] ?? 0, 1e-6);
}
