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

/** Of each response, what each of its labels counts; where none are given, every label counts alike. */
export type LabelWeights = readonly number[];

/** Weights by which every response counts alike, however many raters it has. */
export function perResponse(labels: RaterLabels): number[] {
  return labels.map((raters) => (raters.length > 0 ? 1 / raters.length : 0));
}

/** What all labels count together: their number, where there are no weights. */
export function totalWeight(labels: RaterLabels, weights?: LabelWeights): number {
  return labels.reduce((sum, raters, i) => sum + raters.length * (weights?.[i] ?? 1), 0);
}

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
  weights?: LabelWeights,
): number {
  const K = levels.length;
  let sum = 0;
  labels.forEach((raters, i) => {
    let own = 0;
    for (const y of raters) {
      for (let k = 0; k < K; k++) own += pinball(y, quantiles.data[i * K + k]!, levels[k]!);
    }
    sum += (weights?.[i] ?? 1) * own;
  });
  return sum / (K * totalWeight(labels, weights));
}

/**
 * The best constant prediction: the empirical quantiles of all labels, the baseline that any model of
 * the response has to beat. The inverse of the empirical distribution, inf {y : F(y) >= tau}, which
 * minimises the pinball loss.
 */
export function constantQuantiles(
  labels: RaterLabels,
  levels: readonly number[],
  weights?: LabelWeights,
): number[] {
  if (weights) return weightedQuantiles(labels, levels, weights);
  const all = labels.flat().sort((a, b) => a - b);
  if (all.length === 0) throw new RangeError('no labels to take quantiles of');
  // The small term keeps tau = 0.15 of 20 labels at the third one, not the fourth, despite rounding.
  return levels.map((tau) => all[Math.max(0, Math.ceil(tau * all.length - 1e-9) - 1)]!);
}

/** The same where labels count differently: F is the share of their weight. */
function weightedQuantiles(
  labels: RaterLabels,
  levels: readonly number[],
  weights: LabelWeights,
): number[] {
  const byValue = new Map<number, number>();
  labels.forEach((raters, i) => {
    for (const y of raters) byValue.set(y, (byValue.get(y) ?? 0) + weights[i]!);
  });
  const steps = [...byValue].sort(([a], [b]) => a - b);
  if (steps.length === 0) throw new RangeError('no labels to take quantiles of');
  const total = steps.reduce((sum, [, weight]) => sum + weight, 0);
  return levels.map((tau) => {
    let below = 0;
    for (const [value, weight] of steps) {
      below += weight;
      if (below >= (tau - 1e-9) * total) return value;
    }
    return steps.at(-1)![0];
  });
}
