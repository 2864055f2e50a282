/** Quantiles of n responses at K levels, [rows, columns], row after row. */
export interface QuantileRows {
  readonly rows: number;
  readonly columns: number;
  readonly data: ArrayLike<number>;
}

/**
 * The labels of one attribute: one row for each response, and in it every rater's own label.
 * Raters are not averaged: their disagreement is what the quantiles are for.
 */
export type RaterLabels = readonly (readonly number[])[];

/** rho_tau(y - q) = (y - q) (tau - 1[y < q]), the pinball loss (Koenker & Bassett 1978). */
export function pinball(label: number, quantile: number, level: number): number {
  const d = label - quantile;
  return d < 0 ? (level - 1) * d : level * d;
}

/** The mean pinball loss over every rater's label and every level. `quantiles` is [n, K]. */
export function meanPinball(
  labels: RaterLabels,
  quantiles: QuantileRows,
  levels: readonly number[],
): number {
  const K = levels.length;
  let sum = 0;
  let count = 0;
  labels.forEach((raters, i) => {
    for (const y of raters) {
      for (let k = 0; k < K; k++) sum += pinball(y, quantiles.data[i * K + k]!, levels[k]!);
      count += K;
    }
  });
  return sum / count;
}

/**
 * The best constant prediction: the empirical quantiles of all labels, the baseline that any model of
 * the response has to beat. The inverse of the empirical distribution, inf {y : F(y) >= tau}, which
 * minimises the pinball loss.
 */
export function constantQuantiles(labels: RaterLabels, levels: readonly number[]): number[] {
  const all = labels.flat().sort((a, b) => a - b);
  if (all.length === 0) throw new RangeError('no labels to take quantiles of');
  // The small term keeps tau = 0.15 of 20 labels at the third one, not the fourth, despite rounding.
  return levels.map((tau) => all[Math.max(0, Math.ceil(tau * all.length - 1e-9) - 1)]!);
}
