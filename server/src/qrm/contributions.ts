import type { RewardScore } from './types.js';

/**
 * What each attribute adds to the expectation: c_m = w_m * (1/K) sum_k adjusted[m,k], length M, in the
 * reward's unit. They sum to the expectation of the mixture with the same weights.
 * @param weights fixed weights, length M; default the score's own gate
 */
export function contributions(
  score: RewardScore,
  weights: ArrayLike<number> = score.gate,
): Float64Array {
  const M = score.gate.length;
  const K = score.attributeQuantiles.length / M;
  const out = new Float64Array(M);
  for (let m = 0; m < M; m++) {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += score.attributeQuantiles[m * K + k] as number;
    out[m] = ((weights[m] ?? 0) * sum) / K;
  }
  return out;
}

/** What each attribute adds to the margin E[a] - E[b], length M: which attributes decide a pair. */
export function marginContributions(
  a: RewardScore,
  b: RewardScore,
  weights?: ArrayLike<number>,
): Float64Array {
  const left = contributions(a, weights);
  const right = contributions(b, weights);
  return left.map((c, m) => c - (right[m] as number));
}

/** Attribute numbers by the size of their contribution, the strongest pull (up or down) first. */
export function strongest(contributed: ArrayLike<number>, count = contributed.length): number[] {
  return Array.from(contributed, (_, m) => m)
    .sort(
      (m, n) => Math.abs(contributed[n] as number) - Math.abs(contributed[m] as number) || m - n,
    )
    .slice(0, count);
}
