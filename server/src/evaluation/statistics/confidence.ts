import type { Reliability } from '../../protocol/index.js';

/** A decision between responses: how sure a model is of it, and whether it is right (1), wrong (0) or a tie (0.5). */
export interface Decisions {
  readonly length: number;
  /** P(the preferred response is better), 1/2 to 1. */
  confidence(i: number): number;
  right(i: number): number;
}

const BINS = 10;

/** Reliability over equally wide bins of [1/2, 1]. NaN figures without decisions. */
export function reliability(d: Decisions, bins = BINS): Reliability {
  const count = new Float64Array(bins);
  const confidence = new Float64Array(bins);
  const right = new Float64Array(bins);
  let [n, brier] = [0, 0];
  for (let i = 0; i < d.length; i++) {
    const p = d.confidence(i);
    if (Number.isNaN(p)) continue;
    const b = Math.min(bins - 1, Math.floor((p - 0.5) * 2 * bins));
    count[b]!++;
    confidence[b]! += p;
    right[b]! += d.right(i);
    brier += (p - d.right(i)) ** 2;
    n++;
  }
  let [ece, bias] = [0, 0];
  for (let b = 0; b < bins; b++) {
    ece += Math.abs(right[b]! - confidence[b]!);
    bias += right[b]! - confidence[b]!;
  }
  return {
    ece: ece / n,
    bias: bias / n,
    brier: brier / n,
    bins: Array.from(count, (c, b) => ({
      low: 0.5 + b / (2 * bins),
      high: 0.5 + (b + 1) / (2 * bins),
      count: c,
      confidence: confidence[b]! / c,
      accuracy: right[b]! / c,
    })),
  };
}
