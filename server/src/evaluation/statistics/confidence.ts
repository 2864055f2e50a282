import type { Reliability, RiskCoverage } from '../../protocol/index.js';

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

const POINTS = 50;

/**
 * Accuracy when the least sure decisions are left open. Decisions of equal surety are taken in equal parts (the mean
 * over their orders), so that a model which is sure of nothing gains nothing.
 * @param sure higher is surer
 */
export function riskCoverage(
  n: number,
  sure: (i: number) => number,
  right: (i: number) => number,
): RiskCoverage {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  const key = Float64Array.from({ length: n }, (_, i) => {
    const s = sure(i);
    return Number.isNaN(s) ? -Infinity : s;
  });
  order.sort((a, b) => key[b]! - key[a]!);
  const accuracy = new Float64Array(n);
  let before = 0;
  for (let from = 0; from < n;) {
    let to = from;
    let sum = 0;
    while (to < n && key[order[to]!] === key[order[from]!]) sum += right(order[to++]!);
    const each = sum / (to - from);
    for (let k = from; k < to; k++) accuracy[k] = (before + each * (k - from + 1)) / (k + 1);
    before += sum;
    from = to;
  }
  let area = 0;
  for (let k = 0; k < n; k++) area += 1 - accuracy[k]!;
  // The best order has all wrong ones last.
  let best = 0;
  for (let k = Math.floor(before) + 1; k <= n; k++) best += Math.max(0, 1 - before / k);
  const points = Math.min(POINTS, n);
  const curve = Array.from({ length: points }, (_, p) => {
    const k = Math.max(1, Math.round(((p + 1) * n) / points));
    return { coverage: k / n, accuracy: accuracy[k - 1]! };
  });
  return { area: area / n, best: best / n, error: 1 - before / n, curve };
}
