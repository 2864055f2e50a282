import type { RiskCoverage } from '../../../protocol/index.js';
import type { StepPacer } from './step-pacer.js';
import { Ranked } from './ranked.js';

const POINTS = 50;
const EULER = 0.5772156649015329;

/** Below this sums are taken term by term. */
const SERIES = 64;

/** 1 + 1/2 + … + 1/n by Euler's series; from SERIES on what is left out is below 1e-16. */
function harmonic(n: number): number {
  const q = 1 / (n * n);
  return Math.log(n) + EULER + 1 / (2 * n) - q * (1 / 12 - q * (1 / 120 - q / 252));
}

/** From so many decisions on 1/(n + 1) + … + 1/(n + w) is taken by the midpoint rule with its first correction. */
const FAR = 4096;

/** 1/(n + 1) + … + 1/(n + count). */
function reciprocals(n: number, count: number): number {
  if (n >= SERIES && count > 8) return harmonic(n + count) - harmonic(n);
  let sum = 0;
  for (let k = n + 1; k <= n + count; k++) sum += 1 / k;
  return sum;
}

/**
 * Decisions, the surest first: accuracy when the least sure are left open. Decisions of equal surety are taken in
 * equal parts (the mean over their orders), so that a model which is sure of nothing gains nothing.
 */
export class RiskOrder {
  private constructor(
    private readonly ends: Uint32Array,
    private readonly right: Float64Array,
    /** What is resampled together, of each decision in order. */
    private readonly cluster: Uint32Array,
  ) {}

  /** @param sure higher is surer; NaN is the least sure */
  static async of(
    n: number,
    sure: (i: number) => number,
    right: (i: number) => number,
    cluster: (i: number) => number,
    pace: StepPacer,
  ): Promise<RiskOrder> {
    const least = (s: number): number => (Number.isNaN(s) ? Infinity : -s);
    const { order, ends } = await Ranked.of(n, (i) => least(sure(i)), pace);
    const rights = new Float64Array(n);
    for (let k = 0; k < n; k++) {
      rights[k] = right(order[k]!);
      order[k] = cluster(order[k]!);
      if (pace.due(8)) await pace.rest();
    }
    return new RiskOrder(ends, rights, order);
  }

  curve(): RiskCoverage {
    const { ends, right } = this;
    const n = right.length;
    const accuracy = new Float64Array(n);
    let before = 0;
    let from = 0;
    for (const to of ends) {
      let sum = 0;
      for (let k = from; k < to; k++) sum += right[k]!;
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

  /**
   * The area of `curve` where every decision stands there as often as its cluster's weight says. In one pass: of a
   * group of w after n decisions, p of them right, the accuracies are (p + s i / w) / (n + i), i = 1..w, and their
   * sum is s + (p - n s / w) (1/(n + 1) + … + 1/(n + w)).
   */
  area(weight: ArrayLike<number>): number {
    const { ends, right, cluster } = this;
    let n = 0;
    let p = 0;
    let sum = 0;
    let k = 0;
    for (let g = 0; g < ends.length; g++) {
      const to = ends[g]!;
      if (n >= FAR && to === k + 1) {
        // The same without a branch, for most of a million: none of a group that was not drawn.
        const w = weight[cluster[k]!]!;
        const own = right[k++]!;
        const q = 1 / (n + (w + 1) / 2);
        sum += w * own + (p - n * own) * w * q * (1 + ((w * w - 1) / 12) * q * q);
        n += w;
        p += w * own;
        continue;
      }
      let [w, s] = [0, 0];
      for (; k < to; k++) {
        const own = weight[cluster[k]!]!;
        w += own;
        s += own * right[k]!;
      }
      if (w === 0) continue;
      sum += w === 1 ? (p + s) / (n + 1) : s + (p - (n * s) / w) * reciprocals(n, w);
      n += w;
      p += s;
    }
    return 1 - sum / n;
  }
}
