import { coverage, crossingShare, means, quantileMiss, type QuantileRows } from './coverage.js';
import { meanPinball, type RaterLabels } from './pinball.js';
import { auroc, spearman } from './ranks.js';

/** Figures of one attribute, on labels whose prompts the head was not fitted on. */
export interface AttributeFigures {
  readonly name: string;
  readonly responses: number;
  readonly labels: number;
  readonly prompts: number;
  /** Distinct values of the labels; few of them cannot be covered at every level. */
  readonly values: number;
  /** Mean pinball loss over labels and levels. */
  readonly pinball: number;
  /** The same of the training labels' constant quantiles. */
  readonly baseline: number;
  /** Per level: share of labels at or below the predicted quantile; tau when well calibrated. */
  readonly coverage: readonly number[];
  /** The same of the baseline: labels are few distinct values, so that even it cannot hit every level. */
  readonly baselineCoverage: readonly number[];
  /**
   * By how much the worst level misses what defines a quantile: the share of labels below is at most tau,
   * the share at or below at least tau. 0 when every level meets it, however few values labels take.
   */
  readonly quantileMiss: number;
  /** Share of neighbouring levels whose quantiles are in the wrong order. */
  readonly crossings: number;
  /** Spearman's correlation of the expectation with the raters' mean. */
  readonly rankCorrelation: number;
  /** Area under the ROC curve of the expectation, where labels are two values; each label a sample. */
  readonly auroc?: number;
}

/**
 * Judges predicted quantiles.
 * @param quantiles [n, K]
 * @param constant the training labels' quantiles, [K]
 */
export function judgeHead(
  name: string,
  labels: RaterLabels,
  groups: readonly string[],
  quantiles: QuantileRows,
  constant: readonly number[],
  levels: readonly number[],
): AttributeFigures {
  const K = levels.length;
  const data = Float64Array.from({ length: labels.length * K }, (_, i) => constant[i % K]!);
  const flat: QuantileRows = { rows: labels.length, columns: K, data };
  const values = new Set(labels.flat());
  const expectations = means(quantiles);
  return {
    name,
    responses: labels.length,
    labels: labels.flat().length,
    prompts: new Set(groups).size,
    values: values.size,
    pinball: meanPinball(labels, quantiles, levels),
    baseline: meanPinball(labels, flat, levels),
    coverage: coverage(labels, quantiles),
    quantileMiss: quantileMiss(labels, quantiles, levels),
    baselineCoverage: coverage(labels, flat),
    crossings: crossingShare(quantiles),
    rankCorrelation: spearman(
      expectations,
      labels.map((raters) => raters.reduce((a, b) => a + b, 0) / raters.length),
    ),
    auroc: values.size === 2 ? auroc(expectations, labels, Math.max(...values)) : undefined,
  };
}
