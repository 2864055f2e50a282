import type { RewardScore } from './types.js';

/**
 * Reward-transform (verbosity) adjustment: adjusted[n,k] = sum_m raw[m,k] T[m,n].
 * Source: ArmoRM (Wang et al. 2024), as the published QRM checkpoints carry it.
 * @param raw attribute quantiles, row m*K+k, length M*K
 * @param T `reward_transform_matrix`, row-major, length M*M
 * @returns length M*K
 * @throws RangeError when the lengths do not fit each other
 */
export function adjust(raw: ArrayLike<number>, T: ArrayLike<number>, M: number): Float64Array {
  const K = raw.length / M;
  if (!Number.isInteger(K) || T.length !== M * M) {
    throw new RangeError(
      `adjust: ${raw.length} quantiles and a matrix of ${T.length} numbers do not fit ${M} attributes`,
    );
  }
  const adjusted = new Float64Array(M * K);
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < M; n++) {
      const t = T[m * M + n] as number;
      if (t === 0) continue;
      for (let k = 0; k < K; k++) adjusted[n * K + k]! += t * (raw[m * K + k] as number);
    }
  }
  return adjusted;
}

/**
 * Q_mix(tau_k) = sum_m w_m adjusted[m,k]: the quantiles of the comonotone mixture that the model's
 * gate (or fixed weights) makes of its attributes (Dorka 2024).
 * @param attributeQuantiles adjusted, row m*K+k, length M*K
 * @param weights length M
 * @returns raw (possibly crossing) quantiles, length K
 * @throws RangeError when the lengths do not fit each other
 */
export function mixQuantiles(
  attributeQuantiles: ArrayLike<number>,
  weights: ArrayLike<number>,
): Float64Array {
  const M = weights.length;
  const K = attributeQuantiles.length / M;
  if (!Number.isInteger(K)) {
    throw new RangeError(
      `mixture: ${attributeQuantiles.length} quantiles do not fit ${M} attribute weights`,
    );
  }
  const mixed = new Float64Array(K);
  for (let m = 0; m < M; m++) {
    const w = weights[m] as number;
    for (let k = 0; k < K; k++) mixed[k]! += w * (attributeQuantiles[m * K + k] as number);
  }
  return mixed;
}

/**
 * The score's raw mixture quantiles, length K: the model's own, or those of fixed weights (length M)
 * in place of its gate.
 * @throws RangeError when there is not one weight for each attribute
 */
export function mixture(score: RewardScore, weights?: ArrayLike<number>): ArrayLike<number> {
  if (weights === undefined) return score.quantiles;
  if (weights.length !== score.gate.length) {
    throw new RangeError(
      `mixture: ${weights.length} weights given, the model has ${score.gate.length} attributes`,
    );
  }
  return mixQuantiles(score.attributeQuantiles, weights);
}

/**
 * The model's score: the mean of the quantiles, E[r] ~ (1/K) sum_k Q(tau_k) (Dorka 2024).
 * Of the raw or the rearranged quantiles alike. NaN when there are none.
 */
export function expectation(quantiles: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < quantiles.length; k++) sum += quantiles[k] as number;
  return sum / quantiles.length;
}
