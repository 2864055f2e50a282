import { seeded } from '../random.js';
import type { Contents, Entries } from './contents.js';
import { drawAgain } from './draws.js';
import { StepPacer } from './step-pacer.js';

/** Means of each cell, [cells]; NaN for one without entries. */
export function cellMeans(
  { cell, length, cells }: Pick<Entries, 'cell' | 'length' | 'cells'>,
  value: (entry: number) => number,
): Float64Array {
  const sum = new Float64Array(cells);
  const count = new Float64Array(cells);
  for (let e = 0; e < length; e++) {
    sum[cell[e]!]! += value(e);
    count[cell[e]!]!++;
  }
  return sum.map((s, c) => s / count[c]!);
}

export interface BootstrapOptions {
  readonly replicates: number;
  readonly seed: number;
  /** Awaited now and then, so that nothing is blocked. @throws when it is of no use any more */
  readonly tick?: () => Promise<void>;
  /** Share of the replicates that are drawn, 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** Steps of work that one replicate takes. */
export const replicateSteps = ({ clusters, kinds, cell, cells, rows }: Contents): number =>
  4 * Math.min(clusters, 8 * kinds) + (cell.length + cells) * rows;

/**
 * The means of every cell under resampling of clusters within their strata, for several rows of values at once: all
 * rows see the same draws, so their differences are paired.
 * @param take is given means of the cells, [rows][cells], of each replicate in turn; written over by the next. A cell
 * of which nothing was drawn is NaN.
 */
export async function bootstrap(
  contents: Contents,
  { replicates, seed, tick, progress }: BootstrapOptions,
  take: (replicate: number, means: readonly Float64Array[]) => void,
): Promise<void> {
  const random = seeded(seed);
  const pace = new StepPacer(tick);
  const { rows, cells, kinds, size, strata, start, cell } = contents;
  const weight = new Uint32Array(kinds);
  const count = new Float64Array(cells);
  const sums = new Float64Array(cells * rows);
  const means = Array.from({ length: rows }, () => new Float64Array(cells));
  for (let b = 0; b < replicates; b++) {
    weight.fill(0);
    for (const { kinds: members, range } of strata)
      await drawAgain(members, size, range, weight, random, pace);
    count.fill(0);
    sums.fill(0);
    for (let k = 0; k < kinds; k++) {
      const w = weight[k]!;
      if (w === 0) continue;
      for (let p = start[k]!; p < start[k + 1]!; p++) {
        const c = cell[p]!;
        count[c]! += w * contents.count[p]!;
        for (let r = 0; r < rows; r++) sums[c * rows + r]! += w * contents.sum[p * rows + r]!;
      }
      if (pace.due(rows)) await pace.rest();
    }
    means.forEach((own, r) => {
      for (let c = 0; c < cells; c++) own[c] = sums[c * rows + r]! / count[c]!;
    });
    take(b, means);
    progress?.((b + 1) / replicates);
    if (pace.due(cells * rows)) await pace.rest();
  }
}

/** The middle `level` of the values, by the nearest ranks; NaN of none. Values that are NaN are left out. */
export function interval(values: Iterable<number>, level = 0.95): [number, number] {
  const sorted = Float64Array.from(values)
    .filter((v) => !Number.isNaN(v))
    .sort();
  if (sorted.length === 0) return [Number.NaN, Number.NaN];
  const at = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(q * (sorted.length - 1))))]!;
  return [at((1 - level) / 2), at((1 + level) / 2)];
}

/**
 * Two-sided p of a difference by its bootstrap replicates: twice the smaller share on one side of 0, each side with
 * one replicate more (Davison & Hinkley 1997, section 4.2), at most 1.
 */
export function bootstrapP(differences: Iterable<number>): number {
  let [low, high, n] = [0, 0, 0];
  for (const d of differences) {
    if (Number.isNaN(d)) continue;
    n++;
    if (d <= 0) low++;
    if (d >= 0) high++;
  }
  return n === 0 ? Number.NaN : Math.min(1, (2 * (Math.min(low, high) + 1)) / (n + 1));
}
