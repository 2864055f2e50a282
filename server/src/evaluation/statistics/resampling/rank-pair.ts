import type { StepPacer } from './step-pacer.js';
import { Ranked } from './ranked.js';

/** Two numbers of each of n samples, sorted once: rank correlations of samples drawn again, each in one pass. */
export class RankPair {
  private readonly ranks: readonly [Float64Array, Float64Array];

  private constructor(private readonly sorted: readonly [Ranked, Ranked]) {
    this.ranks = [new Float64Array(sorted[0].length), new Float64Array(sorted[0].length)];
  }

  static async of(x: ArrayLike<number>, y: ArrayLike<number>, pace: StepPacer): Promise<RankPair> {
    const of = (v: ArrayLike<number>): Promise<Ranked> => Ranked.of(x.length, (i) => v[i]!, pace);
    return new RankPair([await of(x), await of(y)]);
  }

  /** Spearman's correlation where sample i is there weight[i] times; ties share their mean rank. 0 where one side does not vary. */
  spearman(weight: ArrayLike<number>): number {
    const [x, y] = this.ranks;
    const total = rank(this.sorted[0], weight, x);
    rank(this.sorted[1], weight, y);
    const middle = (total - 1) / 2;
    let [xy, xx, yy] = [0, 0, 0];
    for (let i = 0; i < x.length; i++) {
      const w = weight[i]!;
      if (w === 0) continue;
      const [a, b] = [x[i]! - middle, y[i]! - middle];
      xy += w * a * b;
      xx += w * a * a;
      yy += w * b * b;
    }
    return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
  }
}

/** Mean ranks from 0 of those with a weight. @returns how many they are, with their repetitions */
function rank({ order, ends }: Ranked, weight: ArrayLike<number>, out: Float64Array): number {
  let [n, at] = [0, 0];
  for (let g = 0; g < ends.length; g++) {
    const to = ends[g]!;
    let w = 0;
    for (let k = at; k < to; k++) w += weight[order[k]!]!;
    const mean = n + (w - 1) / 2;
    for (; at < to; at++) out[order[at]!] = mean;
    n += w;
  }
  return n;
}
