import type { AttributeFigures } from '../../protocol/index.js';
import { coverage, crossingShare, means, quantileMiss, type QuantileRows } from './coverage.js';
import { meanPinball, type LabelWeights, type RaterLabels } from './pinball.js';
import { auroc, spearman } from './ranks.js';

/**
 * Judges predicted quantiles.
 * @param quantiles [n, K]
 * @param constant the training labels' quantiles, [K]
 * @param weights of the loss and of coverage
 */
export function judgeHead(
  name: string,
  labels: RaterLabels,
  groups: readonly string[],
  quantiles: QuantileRows,
  constant: readonly number[],
  levels: readonly number[],
  weights?: LabelWeights,
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
    pinball: meanPinball(labels, quantiles, levels, weights),
    baseline: meanPinball(labels, flat, levels, weights),
    coverage: coverage(labels, quantiles, weights),
    quantileMiss: quantileMiss(labels, quantiles, levels, weights),
    baselineCoverage: coverage(labels, flat, weights),
    crossings: crossingShare(quantiles),
    rankCorrelation: spearman(
      expectations,
      labels.map((raters) => raters.reduce((a, b) => a + b, 0) / raters.length),
    ),
    auroc: values.size === 2 ? auroc(expectations, labels, Math.max(...values)) : undefined,
  };
}
