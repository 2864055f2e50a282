import { permutation, seeded } from '../evaluation/statistics/index.js';

/** An estimate and its 95 % interval. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Prompts are drawn in so many groups at most. */
const GROUPS = 256;
const DRAWS = 1000;

/**
 * Bootstrap over prompts (Efron 1979): intervals of means over prompts, by percentiles of 1,000 draws. The same draws
 * for every column, so that differences of two are paired. Above 256 prompts, random groups of equal size are drawn in
 * place of single ones: the spread of a mean over many is the same, at a cost that does not grow with the prompts.
 */
export class PromptBootstrap {
  private readonly group: Uint32Array;
  private readonly groups: number;
  /** How often each group is in each draw, row draw*groups+g. */
  private readonly draws: Float32Array;
  /** Prompts in each draw, when each has a number. */
  private readonly whole: Float64Array;

  constructor(
    readonly prompts: number,
    seed = 1,
  ) {
    const random = seeded(seed);
    this.groups = Math.min(prompts, GROUPS);
    this.group = new Uint32Array(prompts);
    permutation(prompts, random).forEach((p, n) => (this.group[p] = n % this.groups));
    this.draws = new Float32Array(DRAWS * this.groups);
    for (let d = 0; d < DRAWS; d++)
      for (let n = 0; n < this.groups; n++)
        this.draws[d * this.groups + Math.floor(random() * this.groups)]! += 1;
    const counts = new Float64Array(this.groups);
    for (const g of this.group) counts[g]! += 1;
    this.whole = this.drawn(counts);
  }

  /** The sum of what the groups of each draw have. */
  private drawn(each: Float64Array): Float64Array {
    const { draws, groups } = this;
    const out = new Float64Array(DRAWS);
    for (let d = 0, at = 0; d < DRAWS; d++) {
      let sum = 0;
      for (let g = 0; g < groups; g++) sum += draws[at++]! * each[g]!;
      out[d] = sum;
    }
    return out;
  }

  /**
   * Mean over the prompts that have a number, with its interval; NaN without one.
   * @param value of each prompt; NaN is left out
   * @param plugIn the same before its bias was taken off. What is left of the bias is at most of the size of what was
   *   taken off, and of the same sign: the interval reaches as far again
   */
  mean(value: (p: number) => number, plugIn?: (p: number) => number): Estimate {
    const found = this.percentiles(value);
    if (plugIn === undefined) return found;
    let [sum, count] = [0, 0];
    for (let p = 0; p < this.prompts; p++) {
      const x = value(p) - plugIn(p);
      if (Number.isNaN(x)) continue;
      sum += x;
      count++;
    }
    const taken = count === 0 ? 0 : sum / count;
    const { value: centre, low, high } = found;
    return { value: centre, low: low + Math.min(taken, 0), high: high + Math.max(taken, 0) };
  }

  private percentiles(value: (p: number) => number): Estimate {
    const sums = new Float64Array(this.groups);
    const counts = new Float64Array(this.groups);
    for (let p = 0; p < this.prompts; p++) {
      const x = value(p);
      if (Number.isNaN(x)) continue;
      sums[this.group[p]!]! += x;
      counts[this.group[p]!]! += 1;
    }
    const all = (x: Float64Array): number => x.reduce((a, b) => a + b, 0);
    const count = all(counts);
    if (count === 0) return { value: Number.NaN, low: Number.NaN, high: Number.NaN };
    const centre = all(sums) / count;
    // A single prompt says nothing of the others.
    if (this.groups === 1) return { value: centre, low: Number.NaN, high: Number.NaN };
    const drawn = this.drawn(sums);
    const prompts = count === this.prompts ? this.whole : this.drawn(counts);
    const means = drawn.map((sum, d) => sum / prompts[d]!).filter((x) => !Number.isNaN(x));
    const sorted = means.sort();
    return { value: centre, low: percentile(sorted, 0.025), high: percentile(sorted, 0.975) };
  }
}

function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const a = sorted[below] as number;
  return a + ((sorted[Math.min(below + 1, sorted.length - 1)] as number) - a) * (at - below);
}
