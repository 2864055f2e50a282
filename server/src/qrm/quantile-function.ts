/**
 * The quantile function Q(u): linear between the levels, flat beyond the outermost. The distribution
 * thus has mass tau_1 at its lowest quantile and 1 - tau_K at its highest: nothing is claimed of
 * tails that the model does not predict.
 * @param sorted rearranged quantiles, length K >= 1
 * @param levels tau_k, length K
 * @param u a level; below 0 reads as 0, above 1 as 1
 */
export function quantileAt(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  u: number,
): number {
  const K = sorted.length;
  const k = levelsBelow(levels, u);
  if (k === 0) return sorted[0] ?? Number.NaN;
  if (k >= K) return sorted[K - 1] ?? Number.NaN;
  const below = levels[k - 1] as number;
  const a = sorted[k - 1] as number;
  const b = sorted[k] as number;
  // Both products are in range, and the sum never leaves [a, b] by more than rounding.
  return Math.min(a + (b - a) * ((u - below) / ((levels[k] as number) - below)), b);
}

/**
 * The distribution function F(x) = P(r <= x), the inverse of Q: 0 below the lowest quantile, 1 from
 * the highest on, linear between. F(Q(u)) = u for tau_1 <= u < tau_K where no two quantiles are equal.
 */
export function cdfAt(sorted: ArrayLike<number>, levels: readonly number[], x: number): number {
  const K = sorted.length;
  if (!(x >= (sorted[0] as number))) return Number.isNaN(x) ? Number.NaN : 0;
  if (x >= (sorted[K - 1] as number)) return 1;
  // The greatest k with sorted[k] <= x.
  let low = 0;
  let high = K - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= x) low = middle;
    else high = middle;
  }
  const a = sorted[low] as number;
  const below = levels[low] as number;
  const share = (x - a) / ((sorted[high] as number) - a);
  return below + ((levels[high] as number) - below) * share;
}

/** How many levels are at or below u. */
function levelsBelow(levels: readonly number[], u: number): number {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((levels[middle] as number) <= u) low = middle + 1;
    else high = middle;
  }
  return low;
}
