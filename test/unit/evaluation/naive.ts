import { seeded, spearman } from '../../../server/src/evaluation/statistics/index.js';
import type { Entries } from '../../../server/src/evaluation/statistics/index.js';

/** Resampling as it is written down: every cluster is drawn, every sample put into a list. The reference. */
export function naiveBootstrap(
  { cell, cluster, length, cells, strata, clusters }: Entries,
  rows: number,
  values: (row: number, entry: number) => number,
  { replicates, seed }: { replicates: number; seed: number },
): number[][][] {
  const random = seeded(seed);
  return Array.from({ length: replicates }, () => {
    const weight = new Array<number>(clusters).fill(0);
    for (const members of strata)
      for (let i = 0; i < members.length; i++)
        weight[members[Math.floor(random() * members.length)]!]!++;
    return Array.from({ length: rows }, (_, r) => {
      const sum = new Array<number>(cells).fill(0);
      const count = new Array<number>(cells).fill(0);
      for (let e = 0; e < length; e++) {
        const w = weight[cluster[e]!]!;
        sum[cell[e]!]! += w * values(r, e);
        count[cell[e]!]! += w;
      }
      return sum.map((s, c) => s / count[c]!);
    });
  });
}

/** The area under the risk-coverage curve of a list of decisions. */
export function naiveArea(list: readonly { sure: number; right: number }[]): number {
  const least = (s: number): number => (Number.isNaN(s) ? -Infinity : s);
  const sorted = [...list].sort((a, b) =>
    least(a.sure) === least(b.sure) ? 0 : least(b.sure) - least(a.sure),
  );
  let [before, error] = [0, 0];
  for (let from = 0; from < sorted.length;) {
    const group = sorted.filter(({ sure }) => least(sure) === least(sorted[from]!.sure));
    const each = group.reduce((sum, { right }) => sum + right, 0) / group.length;
    for (let i = 1; i <= group.length; i++) error += 1 - (before + each * i) / (from + i);
    before += each * group.length;
    from += group.length;
  }
  return error / sorted.length;
}

/** Samples as often as their weight says. */
export const repeated = <T>(list: readonly T[], weight: ArrayLike<number>): T[] =>
  list.flatMap((x, i) => new Array<T>(weight[i]!).fill(x));

export const naiveSpearman = (pairs: readonly (readonly [number, number])[]): number =>
  spearman(
    pairs.map(([x]) => x),
    pairs.map(([, y]) => y),
  );
