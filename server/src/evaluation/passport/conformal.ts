/**
 * Split-conformal quantiles (Vovk et al. 2005; Romano, Patterson & Candès 2019). The model was trained on other
 * data; on n labelled responses, one a prompt, the residuals r_i = y_i - q(x_i) of a predicted quantile are taken.
 * For a further response that is exchangeable with them, y <= q(x) + r_(k) with k = ceil((n + 1) tau) holds with
 * probability at least tau, and at most tau + 1/(n + 1) where residuals have no ties. Nothing is assumed of the model
 * or of the labels' distribution; the guarantee is over responses drawn as the labelled ones were, not for each.
 */

/**
 * What to add to a predicted tau-quantile; Infinity where n is too small to say (n < tau / (1 - tau)).
 * @param residuals label less predicted quantile
 */
export function upperOffset(residuals: ArrayLike<number>, tau: number): number {
  const n = residuals.length;
  // Without the small term 0.95 * 20 would be the 20th of 19.
  const k = Math.ceil((n + 1) * tau - 1e-9);
  if (k > n) return Infinity;
  if (k < 1) return -Infinity;
  return Float64Array.from(residuals).sort()[k - 1]!;
}

/** The same from below: y >= q(x) + offset with probability at least 1 - tau. -Infinity where n is too small. */
export const lowerOffset = (residuals: ArrayLike<number>, tau: number): number =>
  -upperOffset(
    Float64Array.from(residuals, (r) => -r),
    1 - tau,
  );

/**
 * Conformalised quantile regression: by how much the interval of two quantiles must grow on both sides (or may
 * shrink, below 0) to hold a label with probability `coverage`.
 */
export function intervalOffset(
  labels: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  coverage: number,
): number {
  const scores = Float64Array.from(labels, (y, i) => Math.max(low[i]! - y, y - high[i]!));
  return upperOffset(scores, coverage);
}
