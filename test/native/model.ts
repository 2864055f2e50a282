/** Random int8 backbones in the form of server/native/backbone.h, and what they compute, written plainly in float64. */
import { inverseFrequencies } from '../../server/src/model/checkpoint/rope.js';
import type { Random } from '../fuzz/random.js';

export interface Shape {
  readonly layers: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocab: number;
  readonly eps: number;
  readonly queryScale: number;
  /** Token ids whose keys and values are stored. */
  readonly prefix: readonly number[];
}

/** [inputs, outputs], with a scale and a bias for each output. */
interface Linear {
  readonly weights: Int8Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
}

interface Layer {
  /** In the order of the file: q, k, v, o, gate, up, down. */
  readonly linears: readonly Linear[];
  /** [prefix, kvHeads * headDim], keys rotated. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
}

export interface RandomModel {
  readonly shape: Shape;
  readonly file: Uint8Array;
  readonly offsets: readonly number[];
  readonly embedding: Float32Array;
  readonly unrotate: Float32Array;
  readonly norm: Float32Array;
  readonly layers: readonly Layer[];
}

function normal(random: Random, length: number, sd: number): Float32Array {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
    return sd * radius * Math.cos(2 * Math.PI * random.next());
  });
}

/** @param small for thousands of tokens, which cost the reference their square */
function randomShape(random: Random, small: boolean): Shape {
  const kvHeads = random.int(1, small ? 1 : 3);
  const vocab = random.int(2, 60);
  return {
    layers: small ? 2 : random.int(1, 3),
    hidden: 64 * random.int(1, small ? 1 : 3),
    intermediate: 64 * random.int(1, small ? 1 : 3),
    heads: kvHeads * random.int(1, small ? 2 : 3),
    kvHeads,
    headDim: 64 * random.int(1, small ? 1 : 2),
    vocab,
    eps: 1e-5,
    queryScale: random.pick([0.125, 0.3, 1]),
    prefix: random.times(0, random.pick([0, 1, 31, 32, 33, 70]), () => random.int(0, vocab - 1)),
  };
}

export function randomModel(random: Random, small: boolean): RandomModel {
  const shape = randomShape(random, small);
  const { hidden: H, intermediate: F, vocab, layers, prefix } = shape;
  const Q = shape.heads * shape.headDim;
  const KV = shape.kvHeads * shape.headDim;
  const parts: { bytes: Uint8Array; at: number }[] = [];
  let size = 0;
  const offsets: number[] = [];
  const put = <T extends Float32Array | Int8Array>(data: T): T => {
    parts.push({ bytes: new Uint8Array(data.buffer), at: size });
    offsets.push(size);
    // The writer aligns to 64; the file ends with its last tensor.
    size += Math.ceil(data.byteLength / 64) * 64;
    return data;
  };
  const linear = (inputs: number, outputs: number): Linear => ({
    weights: put(Int8Array.from({ length: inputs * outputs }, () => random.int(-127, 127))),
    scale: put(normal(random, outputs, 1).map((x) => (Math.abs(x) + 0.1) / 127 / Math.sqrt(inputs))),
    bias: put(normal(random, outputs, 0.1)),
  }); // prettier-ignore
  const embedding = put(normal(random, vocab * H, 1));
  const unrotate = put(normal(random, H * H, 1 / Math.sqrt(H)));
  const norm = put(normal(random, H, 1));
  const made = Array.from({ length: layers }, () => ({
    linears: [linear(H, Q), linear(H, KV), linear(H, KV), linear(Q, H), linear(H, F), linear(H, F), linear(F, H)],
    keys: put(normal(random, prefix.length * KV, 1)),
    values: put(normal(random, prefix.length * KV, 1)),
  })); // prettier-ignore
  const last = parts.at(-1)!;
  const file = new Uint8Array(Math.max(last.at + last.bytes.length, 1));
  for (const { bytes, at } of parts) file.set(bytes, at);
  return { shape, file, offsets, embedding, unrotate, norm, layers: made };
}

/** cos of [positions, headDim / 2], then sin. */
export function angles({ headDim }: Shape, positions: number): Float32Array {
  const frequencies = inverseFrequencies({ headDim, rope: { theta: 10_000, scaling: undefined } });
  const half = frequencies.length;
  const out = new Float32Array(2 * positions * half);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      out[p * half + i] = Math.cos(p * frequencies[i]!);
      out[(positions + p) * half + i] = Math.sin(p * frequencies[i]!);
    }
  }
  return out;
}

function apply({ weights, scale, bias }: Linear, x: Float64Array): Float64Array {
  const n = scale.length;
  const out = new Float64Array(n);
  for (let i = 0; i < x.length; i++) {
    for (let c = 0; c < n; c++) out[c]! += x[i]! * weights[i * n + c]!;
  }
  return out.map((sum, c) => sum * scale[c]! + bias[c]!);
}

function normed(x: Float64Array, eps: number): Float64Array {
  const mean = x.reduce((sum, v) => sum + v * v, 0) / x.length;
  return x.map((v) => v / Math.sqrt(mean + eps));
}

function rotate(x: Float64Array, s: Shape, rope: Float32Array, position: number): Float64Array {
  const half = s.headDim / 2;
  const positions = rope.length / s.headDim;
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += s.headDim) {
    for (let i = 0; i < half; i++) {
      const [cos, sin] = [rope[position * half + i]!, rope[(positions + position) * half + i]!];
      out[at + i] = x[at + i]! * cos - x[at + half + i]! * sin;
      out[at + half + i] = x[at + half + i]! * cos + x[at + i]! * sin;
    }
  }
  return out;
}

type Rows = readonly Float64Array[];

/** Of the last query: one row of contexts, [heads * headDim]. */
function attend(s: Shape, q: Float64Array, keys: Rows, values: Rows): Float64Array {
  const D = s.headDim;
  const out = new Float64Array(q.length);
  for (let h = 0; h < s.heads; h++) {
    const kv = Math.floor(h / (s.heads / s.kvHeads)) * D;
    const scores = new Float64Array(keys.length);
    let peak = -Infinity;
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k]!;
      let dot = 0;
      for (let d = 0; d < D; d++) dot += q[h * D + d]! * key[kv + d]!;
      scores[k] = dot * s.queryScale;
      peak = Math.max(peak, scores[k]!);
    }
    let sum = 0;
    for (let k = 0; k < keys.length; k++) {
      const p = Math.exp(scores[k]! - peak);
      const value = values[k]!;
      sum += p;
      for (let d = 0; d < D; d++) out[h * D + d]! += p * value[kv + d]!;
    }
    for (let d = 0; d < D; d++) out[h * D + d]! /= sum;
  }
  return out;
}

/**
 * Hidden states after the final norm of the `wanted` positions of a path.
 * @param skip 0, or the length of the stored prefix that the path begins with
 */
export function reference(
  m: RandomModel,
  ids: readonly number[],
  wanted: ReadonlySet<number>,
  skip: number,
  rope: Float32Array,
): Map<number, Float64Array> {
  const s = m.shape;
  const H = s.hidden;
  const KV = s.kvHeads * s.headDim;
  let x = ids.slice(skip).map((id) => Float64Array.from(m.embedding.subarray(id * H, (id + 1) * H)));
  for (const [layer, { linears, keys, values }] of m.layers.entries()) {
    const last = layer === m.layers.length - 1;
    const [q, k, v, o, gate, up, down] = linears as [Linear, Linear, Linear, Linear, Linear, Linear, Linear];
    const ks: Float64Array[] = [];
    const vs: Float64Array[] = [];
    for (let p = 0; p < skip; p++) {
      ks.push(Float64Array.from(keys.subarray(p * KV, (p + 1) * KV)));
      vs.push(Float64Array.from(values.subarray(p * KV, (p + 1) * KV)));
    }
    x = x.map((row, i) => {
      const n = normed(row, s.eps);
      ks.push(rotate(apply(k, n), s, rope, skip + i));
      vs.push(apply(v, n));
      if (last && !wanted.has(skip + i)) return row;
      const context = attend(s, rotate(apply(q, n), s, rope, skip + i), ks, vs);
      const projected = apply(o, context);
      const between = row.map((value, c) => value + projected[c]!);
      const inner = normed(between, s.eps);
      const ups = apply(up, inner);
      const gated = apply(gate, inner).map((g, c) => (g / (1 + Math.exp(-g))) * ups[c]!);
      const added = apply(down, gated);
      return between.map((value, c) => value + added[c]!);
    });
  }
  const out = new Map<number, Float64Array>();
  for (const position of wanted) {
    const row = x[position - skip]!;
    const back = new Float64Array(H);
    for (let i = 0; i < H; i++) {
      for (let c = 0; c < H; c++) back[c]! += row[i]! * m.unrotate[i * H + c]!;
    }
    out.set(position, normed(back, s.eps).map((value, c) => value * m.norm[c]!));
  }
  return out;
} // prettier-ignore
