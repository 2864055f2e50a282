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

/** Weights by which every response counts alike, however many raters it has; none where every label does. */
export function labelWeights(labels: RaterLabels, byResponse: boolean): LabelWeights | undefined {
  if (!byResponse) return undefined;
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
  const byValue = new Map<number, number>();
  labels.forEach((raters, i) => {
    for (const y of raters) byValue.set(y, (byValue.get(y) ?? 0) + (weights?.[i] ?? 1));
  });
  const steps = [...byValue].sort(([a], [b]) => a - b);
  if (steps.length === 0) throw new RangeError('no labels to take quantiles of');
  const total = totalWeight(labels, weights);
  return levels.map((tau) => {
    let atOrBelow = 0;
    // The small term keeps tau = 0.15 of 20 labels at the third one, not the fourth, despite rounding.
    const enough = tau * total - 1e-9;
    const step = steps.find(([, weight]) => (atOrBelow += weight) >= enough);
    return (step ?? steps.at(-1)!)[0];
  });
}
