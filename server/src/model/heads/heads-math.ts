import { BATCH_NORM_EPS, type GatingLayer, type QrmHeads } from './heads.js';

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
  const { regression: weight, bias } = heads;
  const raw = linear(reward, n, { inputs: H, outputs: M * K, weight, bias });
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

function gateWeights(heads: QrmHeads, features: ArrayLike<number>, n: number): Float64Array {
  const M = heads.spec.attributes.length;
  if (heads.attributeWeights) {
    const fixed = heads.attributeWeights;
    return Float64Array.from({ length: n * M }, (_, i) => fixed[i % M]!);
  }
  let x = features;
  for (const [l, layer] of heads.gating.entries()) {
    const y = linear(x, n, layer);
    if (l < heads.gating.length - 1) {
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
  const out = new Float64Array(n * M);
  for (let r = 0; r < n; r++) {
    const logits = Array.from({ length: M }, (_, m) => x[r * M + m]! / heads.temperature);
    const peak = Math.max(...logits);
    const exp = logits.map((z) => Math.exp(z - peak));
    const sum = exp.reduce((a, b) => a + b, 0);
    for (let m = 0; m < M; m++)
      out[r * M + m] = (exp[m]! / sum) * heads.logitScale[m % heads.logitScale.length]!;
  }
  return out;
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
