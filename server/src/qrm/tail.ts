import { quantileAt } from './quantile-function.js';

/**
 * Conditional value at risk of the left tail: the mean reward of the worst share alpha,
 * CVaR_alpha = (1/alpha) * integral of Q(u) over (0, alpha] (Rockafellar & Uryasev 2000, "Optimization
 * of Conditional Value-at-Risk", in the form of Acerbi & Tasche 2002). Exact for the piecewise linear
 * Q of `quantileAt`; at most Q(alpha), and equal to it where alpha is not above the lowest level.
 * @param alpha in (0, 1]; 1 gives the mean of the interpolated distribution
 */
export function cvar(sorted: ArrayLike<number>, levels: readonly number[], alpha: number): number {
  const K = sorted.length;
  const lowest = sorted[0] ?? Number.NaN;
  // Measured from the lowest quantile, so that a far-off level of rewards costs no digits.
  let area = 0;
  for (let k = 0; k < K; k++) {
    const from = levels[k] as number;
    if (from >= alpha) break;
    const to = Math.min(levels[k + 1] ?? 1, alpha);
    const a = (sorted[k] as number) - lowest;
    const b = k + 1 < K ? quantileAt(sorted, levels, to) - lowest : a;
    area += ((a + b) / 2) * (to - from);
  }
  return lowest + area / alpha;
}

/** The quantile levels between which the middle 90 % of a distribution lie. */
const MIDDLE = [0.05, 0.95] as const;

/** The width of the middle 90 %: Q(0.95) - Q(0.05), at least 0. */
export function spread(sorted: ArrayLike<number>, levels: readonly number[]): number {
  const [low, high] = MIDDLE;
  return quantileAt(sorted, levels, high) - quantileAt(sorted, levels, low);
}

/** The index of the level nearest to tau, the lower of two. */
const nearestLevel = (levels: readonly number[], tau: number): number =>
  levels.reduce(
    (best, level, k) => (Math.abs(level - tau) < Math.abs(levels[best]! - tau) ? k : best),
    0,
  );

/** The indices of the levels nearest to those of the middle 90 %. */
export function middleLevels(levels: readonly number[]): readonly [low: number, high: number] {
  const [low, high] = MIDDLE;
  return [nearestLevel(levels, low), nearestLevel(levels, high)];
}
