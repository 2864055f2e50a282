/**
 * The monotone rearrangement of an estimated quantile curve: its values in ascending order. It is
 * never farther from the true curve than the crossing one (Chernozhukov, Fernández-Val & Galichon
 * 2010, "Quantile and Probability Curves Without Crossing", Econometrica 78(3)).
 * The mean is unchanged. NaN go last.
 * @returns float32, as the models give their numbers; a new array, length K
 */
export function rearrange(quantiles: ArrayLike<number>): Float32Array {
  const K = quantiles.length;
  const sorted = new Float32Array(K);
  let ascending = true;
  for (let k = 0; k < K; k++) {
    sorted[k] = quantiles[k] as number;
    // Of two that are equal one may be -0, which goes first.
    if (k > 0 && !(sorted[k - 1]! < sorted[k]!)) ascending = false;
  }
  return ascending && !Number.isNaN(sorted[0]) ? sorted : sorted.sort();
}

/** How many adjacent levels have their quantiles in the wrong order: 0 (none) to K-1. */
export function countCrossings(quantiles: ArrayLike<number>): number {
  let crossings = 0;
  for (let k = 1; k < quantiles.length; k++) {
    if ((quantiles[k] as number) < (quantiles[k - 1] as number)) crossings++;
  }
  return crossings;
}
