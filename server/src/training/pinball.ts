import type { Matrix } from './matrix.js';

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
  quantiles: Matrix,
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
 * argmin_z sum_r weight * rho_tau(y_r - z) + (z - v)^2 / 2: the proximal operator of one response's loss.
 * The sum is convex and linear between its labels, so the answer is found by walking over them.
 * @param sorted the raters' labels, ascending
 */
export function proximalPinball(
  v: number,
  sorted: readonly number[],
  level: number,
  weight: number,
): number {
  const R = sorted.length;
  for (let below = 0; ; below++) {
    // With `below` labels under z the sum's slope is below (1 - tau) - (R - below) tau.
    const z = v - weight * (below * (1 - level) - (R - below) * level);
    if (below === R || z < sorted[below]!) {
      // A jump of the slope at the label before: z must not fall under it.
      return below === 0 ? z : Math.max(z, sorted[below - 1]!);
    }
  }
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
