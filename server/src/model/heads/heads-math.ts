import { LEAKY_SLOPE } from './categorical-heads.js';
import { BATCH_NORM_EPS, type Categorical, type GatingLayer, type QrmHeads } from './heads.js';

/** A linear layer ready to run: its own BatchNorm's input side folded away. */
export interface FoldedLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row-major [outputs, inputs]. */
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/**
 * The gate without its norms: BatchNorm after ReLU is y = a x + b per channel, so the next linear layer
 * takes it as W' = W diag(a), bias' = bias + W b. In float64, since a can be large.
 */
export function foldGating(layers: readonly GatingLayer[]): FoldedLayer[] {
  return layers.map(({ inputs, outputs, weight, bias }, l) => {
    const out = {
      inputs,
      outputs,
      weight: Float64Array.from(weight),
      bias: bias ? Float64Array.from(bias) : new Float64Array(outputs),
    };
    const norm = layers[l - 1]?.batchNorm;
    if (!norm) return out;
    for (let i = 0; i < inputs; i++) {
      const a = norm.weight[i]! / Math.sqrt(norm.variance[i]! + BATCH_NORM_EPS);
      const b = norm.bias[i]! - norm.mean[i]! * a;
      for (let o = 0; o < outputs; o++) {
        out.bias[o]! += weight[o * inputs + i]! * b;
        out.weight[o * inputs + i]! *= a;
      }
    }
    return out;
  });
}

/** The regression rows with T applied: row n*K+k = sum_m T[m,n] row m*K+k. Row-major [M*K, hidden]. */
export function adjustedRegression(heads: QrmHeads): Float64Array {
  const { regression, transform, hiddenSize: H, spec } = heads;
  if (!transform) return Float64Array.from(regression);
  const M = spec.attributes.length;
  const row = spec.levels.length * H;
  const out = new Float64Array(regression.length);
  for (let n = 0; n < M; n++) {
    for (let m = 0; m < M; m++) {
      const t = transform[m * M + n]!;
      if (t === 0) continue;
      for (let i = 0; i < row; i++) out[n * row + i]! += t * regression[m * row + i]!;
    }
  }
  return out;
}

export interface HeadOutputs {
  /** Attribute quantiles before T, [n, M*K]. */
  readonly raw: Float64Array;
  /** The same after T, [n, M*K]. */
  readonly quantiles: Float64Array;
  /** Gate weights, [n, M]. */
  readonly gate: Float64Array;
}

/**
 * The heads in float64, step by step as the published code has them, nothing folded: the reference
 * for the graph, and what training evaluates with.
 * @param reward features of the last token, row-major [n, hiddenSize]
 * @param gating features of the gating position, [n, hiddenSize]
 */
export function applyHeads(
  heads: QrmHeads,
  reward: ArrayLike<number>,
  gating: ArrayLike<number>,
): HeadOutputs {
  const { hiddenSize: H, spec, transform } = heads;
  const M = spec.attributes.length;
  const K = spec.levels.length;
  const n = reward.length / H;
  if (!Number.isInteger(n) || gating.length !== reward.length) {
    throw new RangeError(
      `features of lengths ${reward.length} and ${gating.length}: expected two [n, ${H}]`,
    );
  }
  const { regression: weight, bias, categorical } = heads;
  const raw = categorical
    ? binQuantiles(binShares(categorical, reward, n), categorical.bins, K)
    : linear(reward, n, { inputs: H, outputs: M * K, weight, bias });
  const quantiles = transform ? new Float64Array(raw.length) : raw;
  if (transform) {
    for (let r = 0; r < n; r++)
      for (let to = 0; to < M; to++)
        for (let k = 0; k < K; k++) {
          let sum = 0;
          for (let m = 0; m < M; m++) sum += raw[(r * M + m) * K + k]! * transform[m * M + to]!;
          quantiles[(r * M + to) * K + k] = sum;
        }
  }
  return { raw, quantiles, gate: gateWeights(heads, gating, n) };
}

/** Each attribute's probabilities of its bins, [n, M*bins]. */
export function binShares(
  { layers, bins }: Categorical,
  features: ArrayLike<number>,
  n: number,
): Float64Array {
  let x = features;
  for (const [l, layer] of layers.entries()) {
    const y = linear(x, n, layer);
    if (l < layers.length - 1) leaky(y);
    x = y;
  }
  const out = Float64Array.from(x);
  for (let at = 0; at < out.length; at += bins) softmax(out.subarray(at, at + bins));
  return out;
}

/**
 * The quantiles of distributions over the values 0, 1/(bins-1), …, 1: for each, K means of its quantile function
 * over the K-th parts of (0, 1). With C_b the sum of the first b shares, the part's mean is
 * 1 - mean over b < bins of clip(K C_b - (k - 1), 0, 1); the mean of all K is the distribution's.
 * @param shares rows of `bins` probabilities
 */
export function binQuantiles(shares: Float64Array, bins: number, K: number): Float64Array {
  const out = new Float64Array((shares.length / bins) * K).fill(1);
  for (let row = 0; row * bins < shares.length; row++) {
    let running = 0;
    for (let b = 0; b + 1 < bins; b++) {
      running += shares[row * bins + b]!;
      for (let k = 0; k < K; k++)
        out[row * K + k]! -= Math.min(1, Math.max(0, K * running - k)) / (bins - 1);
    }
  }
  return out;
}

function leaky(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) if (values[i]! < 0) values[i]! *= LEAKY_SLOPE;
}

function softmax(values: Float64Array): void {
  const peak = values.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] = Math.exp(values[i]! - peak);
  for (let i = 0; i < values.length; i++) values[i]! /= sum;
}

function gateWeights(heads: QrmHeads, features: ArrayLike<number>, n: number): Float64Array {
  const M = heads.spec.attributes.length;
  if (heads.attributeWeights) {
    const fixed = heads.attributeWeights;
    return Float64Array.from({ length: n * M }, (_, i) => fixed[i % M]!);
  }
  let x = features;
  for (const [l, layer] of heads.gating.entries()) {
    const y = linear(x, n, layer);
    if (l < heads.gating.length - 1 && heads.categorical) leaky(y);
    else if (l < heads.gating.length - 1) {
      const norm = layer.batchNorm;
      for (let i = 0; i < y.length; i++) {
        const c = i % layer.outputs;
        const relu = Math.max(0, y[i]!);
        y[i] = norm
          ? ((relu - norm.mean[c]!) / Math.sqrt(norm.variance[c]! + BATCH_NORM_EPS)) *
              norm.weight[c]! +
            norm.bias[c]!
          : relu;
      }
    }
    x = y;
  }
  if (heads.categorical?.softmax === false) return Float64Array.from(x);
  const out = Float64Array.from(x, (z) => z / heads.temperature);
  for (let at = 0; at < out.length; at += M) softmax(out.subarray(at, at + M));
  return out.map((w, i) => w * heads.logitScale[(i % M) % heads.logitScale.length]!);
}

function linear(
  x: ArrayLike<number>,
  n: number,
  layer: Pick<GatingLayer, 'inputs' | 'outputs' | 'weight' | 'bias'>,
): Float64Array {
  const { inputs, outputs, weight, bias } = layer;
  const out = new Float64Array(n * outputs);
  for (let r = 0; r < n; r++)
    for (let o = 0; o < outputs; o++) {
      let sum = bias?.[o] ?? 0;
      for (let i = 0; i < inputs; i++) sum += x[r * inputs + i]! * weight[o * inputs + i]!;
      out[r * outputs + o] = sum;
    }
  return out;
}
