import { seeded } from './random.js';

/**
 * Shares that items contribute to, as flat arrays: entry e adds `value[e]` to the sum of cell `cell[e]` and one to
 * its count. Entries of one cluster (one prompt) are resampled together.
 */
export interface Entries {
  readonly cell: ArrayLike<number>;
  readonly cluster: ArrayLike<number>;
  readonly length: number;
  readonly cells: number;
  /** Clusters by stratum: each replicate draws as many of a stratum as it has. */
  readonly strata: readonly ArrayLike<number>[];
  readonly clusters: number;
}

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
}

/** Draws between two ticks. */
const SLICE = 1 << 20;

/**
 * The means of every cell under resampling of clusters within their strata, for several rows of values at once: all
 * rows see the same draws, so their differences are paired.
 * @param values value of entry e in row r
 * @returns [replicates][rows] means of the cells; a cell of which nothing was drawn is NaN
 */
export async function bootstrap(
  entries: Entries,
  rows: number,
  values: (row: number, entry: number) => number,
  { replicates, seed, tick }: BootstrapOptions,
): Promise<Float64Array[][]> {
  const random = seeded(seed);
  const { cell, cluster, length, cells, strata, clusters } = entries;
  const weight = new Uint32Array(clusters);
  const out: Float64Array[][] = [];
  let work = 0;
  for (let b = 0; b < replicates; b++) {
    weight.fill(0);
    for (const members of strata) {
      const n = members.length;
      for (let i = 0; i < n; i++) weight[members[Math.floor(random() * n)]!]!++;
    }
    const count = new Float64Array(cells);
    for (let e = 0; e < length; e++) count[cell[e]!]! += weight[cluster[e]!]!;
    const means: Float64Array[] = [];
    for (let r = 0; r < rows; r++) {
      const sum = new Float64Array(cells);
      for (let e = 0; e < length; e++) {
        const w = weight[cluster[e]!]!;
        if (w > 0) sum[cell[e]!]! += w * values(r, e);
      }
      means.push(sum.map((s, c) => s / count[c]!));
      work += length;
      if (tick !== undefined && work > SLICE) {
        work = 0;
        await tick();
      }
    }
    out.push(means);
  }
  return out;
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
