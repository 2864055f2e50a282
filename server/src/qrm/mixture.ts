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
 * The quantiles of the mixture of the attributes' *distributions*: with probability w_m / W the reward is
 * W times attribute m's, W the sum of the weights (the total distribution of LDL-Reward). Each quantile is
 * the mean of the mixture's quantile function over its K-th part of (0, 1), so that their mean is that of
 * `mixQuantiles`, whose quantiles are also given where a weight is below 0: there is no such mixture then.
 * @param attributeQuantiles row m*K+k, length M*K, each the mean over a K-th part too
 * @param weights length M
 * @returns ascending quantiles, length K
 * @throws RangeError when the lengths do not fit each other
 */
export function poolQuantiles(
  attributeQuantiles: ArrayLike<number>,
  weights: ArrayLike<number>,
): Float64Array {
  const mixed = mixQuantiles(attributeQuantiles, weights);
  const K = mixed.length;
  let total = 0;
  let least = 0;
  for (let m = 0; m < weights.length; m++) {
    total += weights[m] as number;
    least = Math.min(least, weights[m] as number);
  }
  if (least < 0 || !(total > 0)) return mixed;
  const order = Array.from({ length: attributeQuantiles.length }, (_, i) => i).sort(
    (a, b) => (attributeQuantiles[a] as number) - (attributeQuantiles[b] as number),
  );
  // In units of total / K: what each quantile takes in, of all that is there.
  const pooled = new Float64Array(K);
  let k = 0;
  let room = 1;
  for (const i of order) {
    let mass = (weights[Math.floor(i / K)] as number) / total;
    while (mass > 0) {
      const part = k < K - 1 ? Math.min(mass, room) : mass;
      pooled[k]! += part * (attributeQuantiles[i] as number);
      mass -= part;
      room -= part;
      if (room <= 0 && k < K - 1) {
        k++;
        room = 1;
      }
    }
  }
  // Rounding makes no crossing.
  let last = -Infinity;
  return pooled.map((q) => (last = Math.max(last, q * total)));
}

/**
 * The score's raw mixture quantiles, length K: the model's own, or those of fixed weights (length M)
 * in place of its gate.
 * @param pooled `QrmSpec.pooled`
 * @throws RangeError when there is not one weight for each attribute
 */
export function mixture(
  score: RewardScore,
  weights?: ArrayLike<number>,
  pooled = false,
): ArrayLike<number> {
  if (weights === undefined) return score.quantiles;
  if (weights.length !== score.gate.length) {
    throw new RangeError(
      `mixture: ${weights.length} weights given, the model has ${score.gate.length} attributes`,
    );
  }
  return (pooled ? poolQuantiles : mixQuantiles)(score.attributeQuantiles, weights);
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
