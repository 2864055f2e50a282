/** What the backbones of model.ts compute, written plainly in float64. */
import type { Activation, Linear, RandomModel, Shape } from './model.js';

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
      const score = dot * s.queryScale;
      scores[k] = s.softcap > 0 ? s.softcap * Math.tanh(score / s.softcap) : score;
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

function headNormed(x: Float64Array, weight: Float32Array | undefined, s: Shape): Float64Array {
  if (weight === undefined) return x;
  const D = s.headDim;
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += D) {
    out.set(normed(x.subarray(at, at + D), s.eps).map((v, d) => v * weight[d]!), at);
  }
  return out;
} // prettier-ignore

/** What a block adds to the stream: where outputs are normed, in their own basis before they are rotated. */
function output(x: Float64Array, weight: Float32Array | undefined, { rotation, shape }: RandomModel): Float64Array {
  if (weight === undefined) return x;
  const H = shape.hidden;
  const out = new Float64Array(H);
  for (const [i, v] of normed(x, shape.eps).entries()) {
    for (let c = 0; c < H; c++) out[c]! += v * weight[i]! * rotation![i * H + c]!;
  }
  return out;
} // prettier-ignore

const activate: Record<Activation, (g: number) => number> = {
  silu: (g) => g / (1 + Math.exp(-g)),
  gelu_tanh: (g) => 0.5 * g * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (g + 0.044715 * g ** 3))),
  gelu: (g) => g * normalProbability(g),
};

/** By its series, or its continued fraction in the tails. */
function normalProbability(x: number): number {
  const z = Math.abs(x);
  let tail = 0;
  if (z < 4) {
    let term = z;
    let sum = z;
    for (let n = 3; n < 120; n += 2) sum += term *= (z * z) / n;
    tail = 0.5 - (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
  } else {
    let fraction = z;
    for (let n = 60; n > 0; n--) fraction = z + n / fraction;
    tail = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / fraction;
  }
  return x < 0 ? tail : 1 - tail;
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
  const row = (id: number) => Float64Array.from(m.embedding.subarray(id * H, (id + 1) * H), (v) => v * s.embeddingScale);
  let x = ids.slice(skip).map(row);
  for (const [layer, { linears, keys, values, norms }] of m.layers.entries()) {
    const [queryNorm, keyNorm, attentionNorm, mlpNorm] = norms;
    const slides = s.slides[layer]!;
    const table = slides && s.ropes > 1 ? rope.subarray(rope.length / 2) : rope.subarray(0, rope.length / s.ropes);
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
      ks.push(rotate(headNormed(apply(k, n), keyNorm, s), s, table, skip + i));
      vs.push(apply(v, n));
      if (last && !wanted.has(skip + i)) return row;
      const from = slides ? Math.max(0, skip + i + 1 - s.window) : 0;
      const query = rotate(headNormed(apply(q, n), queryNorm, s), s, table, skip + i);
      const context = attend(s, query, ks.slice(from), vs.slice(from));
      const projected = output(apply(o, context), attentionNorm, m);
      const between = row.map((value, c) => value + projected[c]!);
      const inner = normed(between, s.eps);
      const ups = apply(up, inner);
      const gated = apply(gate, inner).map((g, c) => activate[s.activation](g) * ups[c]!);
      const added = output(apply(down, gated), mlpNorm, m);
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
