import { countCrossings } from '../../qrm/index.js';
import { totalWeight, type LabelWeights, type QuantileRows, type RaterLabels } from './pinball.js';

export type { QuantileRows } from './pinball.js';

/**
 * Per level: the share of labels at or below the predicted quantile. A quantile within
 * COVERAGE_SLACK under a label counts as that label: labels are few distinct values, and a fit that
 * means to predict one of them exactly misses it by its own precision.
 */
export function coverage(
  labels: RaterLabels,
  quantiles: QuantileRows,
  weights?: LabelWeights,
): number[] {
  const K = quantiles.columns;
  const covered = new Array<number>(K).fill(0);
  labels.forEach((raters, i) => {
    const weight = weights?.[i] ?? 1;
    for (const y of raters) {
      for (let k = 0; k < K; k++) {
        if (y <= quantiles.data[i * K + k]! + COVERAGE_SLACK) covered[k]! += weight;
      }
    }
  });
  const total = totalWeight(labels, weights);
  return covered.map((c) => c / total);
}

const COVERAGE_SLACK = 0.01;

/** See `AttributeFigures.quantileMiss`; with the slack of `coverage` on both sides. */
export function quantileMiss(
  labels: RaterLabels,
  quantiles: QuantileRows,
  levels: readonly number[],
  weights?: LabelWeights,
): number {
  const mirrored = (raters: readonly number[]): number[] => raters.map((y) => -y);
  // Labels at or above a quantile are those at or below it in the mirror.
  const flipped = { ...quantiles, data: Float64Array.from(quantiles.data, (q) => -q) };
  const atOrAbove = coverage(labels.map(mirrored), flipped, weights);
  const atOrBelow = coverage(labels, quantiles, weights);
  return Math.max(0, ...levels.flatMap((tau, k) => [1 - atOrAbove[k]! - tau, tau - atOrBelow[k]!]));
}

/** Share of neighbouring levels whose quantiles are in the wrong order. */
export function crossingShare(quantiles: QuantileRows): number {
  const { rows, columns: K, data } = quantiles;
  if (K < 2) return 0;
  let crossed = 0;
  const row = new Float64Array(K);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < K; k++) row[k] = data[i * K + k]!;
    crossed += countCrossings(row);
  }
  return crossed / (rows * (K - 1));
}

/** The expectation of each row: the mean of its quantiles. */
export function means({ rows, columns: K, data }: QuantileRows): number[] {
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += data[i * K + k]!;
    return sum / K;
  });
}
