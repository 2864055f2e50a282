/**
 * P(A > B) + P(A = B)/2 of two independent rewards, exactly for the piecewise linear quantile
 * functions of `quantileAt`: the integral of (F_B(x-) + F_B(x))/2 over dF_A. One walk over the merged
 * quantiles: O(K) and no allocation. 1/2 for two equal distributions. One number (K = 1) is no distribution:
 * it is read as the logit of a Bradley-Terry model (Bradley & Terry 1952), and P is the logistic of the
 * difference.
 * @param a rearranged quantiles, length K
 * @param b rearranged quantiles at the same levels, length K
 */
export function probabilityBeats(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  levels: readonly number[],
): number {
  const K = levels.length;
  if (K === 1) return 1 / (1 + Math.exp((b[0] as number) - (a[0] as number)));
  let i = 0;
  let j = 0;
  // F of each just right of the last breakpoint.
  let rightA = 0;
  let rightB = 0;
  let probability = 0;
  while (i < K || j < K) {
    const x = Math.min(i < K ? (a[i] as number) : Infinity, j < K ? (b[j] as number) : Infinity);
    if (Number.isNaN(x)) return Number.NaN;
    const leftA = leftLimit(a, levels, i, x);
    const leftB = leftLimit(b, levels, j, x);
    // Between the breakpoints both are uniform: B is below A in half of their common part.
    probability += (leftA - rightA) * (rightB + (leftB - rightB) / 2);
    while (i < K && a[i] === x) i++;
    while (j < K && b[j] === x) j++;
    const nextA = i === K ? 1 : Math.max(leftA, i === 0 ? 0 : (levels[i - 1] as number));
    const nextB = j === K ? 1 : Math.max(leftB, j === 0 ? 0 : (levels[j - 1] as number));
    // What jumps here meets half of what jumps there: a tie.
    probability += (nextA - leftA) * (leftB + (nextB - leftB) / 2);
    rightA = nextA;
    rightB = nextB;
  }
  return probability;
}

/** F(x-) where `next` quantiles are below x and those from `next` on are not. */
function leftLimit(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  next: number,
  x: number,
): number {
  if (next === 0) return 0;
  if (next === levels.length) return 1;
  const from = sorted[next - 1] as number;
  const below = levels[next - 1] as number;
  const share = (x - from) / ((sorted[next] as number) - from);
  return below + ((levels[next] as number) - below) * share;
}
