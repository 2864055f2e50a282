import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  binomial,
  bootstrap,
  Contents,
  interval,
  mcnemar,
  StepPacer,
  seeded,
  type Entries,
} from '../../../server/src/evaluation/statistics/index.js';
import { drawAgain } from '../../../server/src/evaluation/statistics/resampling/draws.js';
import { naiveBootstrap } from './naive.js';

const pace = () => new StepPacer();
const mean = (x: readonly number[]): number => x.reduce((a, b) => a + b, 0) / x.length;
const deviation = (x: readonly number[]): number =>
  Math.sqrt(mean(x.map((v) => (v - mean(x)) ** 2)));

/** Entries of clusters that may reach into several cells; strata by the first. */
function entriesOf(pairs: readonly (readonly [cell: number, cluster: number])[]): Entries {
  const strata = new Map<number, number[]>();
  const ids = new Map<number, number>();
  const cluster = pairs.map(([cell, group]) => {
    let id = ids.get(group);
    if (id === undefined) {
      ids.set(group, (id = ids.size));
      const members = strata.get(cell);
      if (members === undefined) strata.set(cell, [id]);
      else members.push(id);
    }
    return id;
  });
  return {
    cell: pairs.map(([cell]) => cell),
    cluster,
    length: pairs.length,
    cells: Math.max(...pairs.map(([cell]) => cell)) + 1,
    strata: [...strata.values()],
    clusters: ids.size,
  };
}

async function replicatesOf(
  entries: Entries,
  rows: readonly ArrayLike<number>[],
  o: { replicates: number; seed: number },
) {
  const contents = await Contents.of(entries, rows.length, (r) => rows[r]!, pace());
  const out: number[][][] = [];
  await bootstrap(contents, o, (_, means) => out.push(means.map((m) => [...m])));
  return { contents, out };
}

describe('kinds of clusters', () => {
  const data = fc
    .array(fc.tuple(fc.nat(2), fc.nat(12), fc.array(fc.constantFrom(0, 0.25, 1, 1 / 3), { minLength: 3, maxLength: 3 })), { minLength: 1, maxLength: 60 }); // prettier-ignore

  it('resample as the clusters themselves do, draw by draw', async () => {
    await fc.assert(
      fc.asyncProperty(data, fc.nat(1000), async (items, seed) => {
        const entries = entriesOf(items.map(([cell, cluster]) => [cell, cluster]));
        const rows = [0, 1, 2].map((r) => items.map(([, , v]) => v[r]!));
        const o = { replicates: 5, seed };
        const { out } = await replicatesOf(entries, rows, o);
        const reference = naiveBootstrap(entries, 3, (r, e) => rows[r]![e]!, o);
        out.forEach((means, b) =>
          means.forEach((m, r) =>
            m.forEach((v, c) =>
              Number.isNaN(reference[b]![r]![c]!)
                ? expect(v).toBeNaN()
                : expect(v).toBeCloseTo(reference[b]![r]![c]!, 12),
            ),
          ),
        );
      }),
      { numRuns: 200 },
    );
  });

  it('are those that differ, no more and no fewer', async () => {
    await fc.assert(
      fc.asyncProperty(data, async (items) => {
        const entries = entriesOf(items.map(([cell, cluster]) => [cell, cluster]));
        const rows = [0, 1, 2].map((r) => items.map(([, , v]) => v[r]!));
        const contents = await Contents.of(entries, 3, (r) => rows[r]!, pace());
        // What a cluster adds: its stratum, and by cell the number of its entries and their sums in their order.
        const told = Array.from({ length: entries.clusters }, (_, cluster) => {
          const mine = items.flatMap(([cell, , v], e) =>
            entries.cluster[e] === cluster ? [{ cell, v }] : [],
          );
          const cells = [...new Set(mine.map(({ cell }) => cell))];
          return JSON.stringify([
            entries.strata.findIndex((s) => Array.from(s).includes(cluster)),
            ...cells.map((c) => [c, mine.filter(({ cell }) => cell === c).length, [0, 1, 2].map((r) => mine.reduce((sum, { cell, v }) => (cell === c ? sum + v[r]! : sum), 0))]), // prettier-ignore
          ]);
        });
        expect(contents.kinds).toBe(new Set(told).size);
        expect(contents.size.reduce((a, b) => a + b, 0)).toBe(entries.clusters);
      }),
    );
  });

  it("give McNemar's split, where each entry has a cluster of its own", async () => {
    const random = seeded(4);
    const n = 500;
    const [a, b] = [0, 1].map(() => Array.from({ length: n }, () => Number(random() < 0.6)));
    const entries = entriesOf(a!.map((_, e) => [e % 2, e]));
    const { contents } = await replicatesOf(entries, [a!, b!], { replicates: 1, seed: 1 });
    const only = (x: number[], y: number[]): number =>
      x.filter((v, e) => e % 2 === 0 && v > y[e]!).length;
    expect(contents.onlyOne(0, 0, 1)).toEqual([only(a!, b!), only(b!, a!)]);
    expect(mcnemar(...contents.onlyOne(0, 0, 1)!)).toBe(mcnemar(only(a!, b!), only(b!, a!)));
    const shared = await replicatesOf(entriesOf(a!.map((_, e) => [0, e >> 1])), [a!, b!], { replicates: 1, seed: 1 }); // prettier-ignore
    expect(shared.contents.onlyOne(0, 0, 1)).toBeUndefined();
    const half = await replicatesOf(entries, [a!, b!.map((v) => v / 2)], {
      replicates: 1,
      seed: 1,
    });
    expect(half.contents.onlyOne(0, 0, 1)).toBeUndefined();
  });

  it('of many clusters are drawn by their numbers, with the deviation of drawing each', async () => {
    const n = 60_000;
    const random = seeded(8);
    const cell = Array.from({ length: n }, () => Number(random() < 0.3));
    const rows = [0.7, 0.2].map((p) =>
      Float64Array.from({ length: n }, () => Number(random() < p)),
    );
    const entries = entriesOf(cell.map((c, e) => [c, e]));
    const { contents, out } = await replicatesOf(entries, rows, { replicates: 2000, seed: 2 });
    expect(contents.kinds).toBe(8);
    for (const c of [0, 1])
      for (const r of [0, 1]) {
        const own = Array.from(rows[r]!).filter((_, e) => cell[e] === c);
        const p = mean(own);
        const theory = Math.sqrt((p * (1 - p)) / own.length);
        const found = out.map((means) => means[r]![c]!);
        // Five deviations of the mean, and of the deviation, over so many replicates.
        expect(Math.abs(mean(found) - p)).toBeLessThan((5 * theory) / Math.sqrt(2000));
        expect(Math.abs(deviation(found) / theory - 1)).toBeLessThan(5 / Math.sqrt(2 * 2000));
        const [low, high] = interval(found);
        expect(Math.abs((high - low) / (2 * 1.96 * theory) - 1)).toBeLessThan(0.1);
      }
    expect((await replicatesOf(entries, rows, { replicates: 3, seed: 2 })).out).toEqual(out.slice(0, 3)); // prettier-ignore
  });
});

describe('draws', () => {
  /** Of the binomial distribution, by its recurrence. */
  function probabilities(n: number, p: number): number[] {
    const out = [Math.exp(n * Math.log1p(-p))];
    for (let k = 1; k <= n; k++) out.push((out[k - 1]! * (n - k + 1) * p) / (k * (1 - p)));
    return out;
  }

  it.each([
    [5, 0.5],
    [20, 0.1],
    [40, 0.9],
    [200, 0.2],
    [500, 0.5],
    [3000, 0.004],
    [3000, 0.02],
  ])('binomial(%i, %f) by the chi-square of its counts', (n, p) => {
    const random = seeded(n);
    const draws = 40_000;
    const seen = new Map<number, number>();
    for (let i = 0; i < draws; i++) {
      const k = binomial(n, p, random);
      seen.set(k, (seen.get(k) ?? 0) + 1);
    }
    // Counts that are expected too seldom go into one class.
    let [chi, classes, rare, rareSeen] = [0, 0, 0, 0];
    probabilities(n, p > 0.5 ? 1 - p : p).forEach((q, at) => {
      const k = p > 0.5 ? n - at : at;
      const expected = q * draws;
      if (expected < 10) {
        rare += expected;
        rareSeen += seen.get(k) ?? 0;
        return;
      }
      chi += ((seen.get(k) ?? 0) - expected) ** 2 / expected;
      classes++;
    });
    if (rare > 1) {
      chi += (rareSeen - rare) ** 2 / rare;
      classes++;
    }
    // Mean classes - 1, variance twice that.
    expect(chi).toBeLessThan(classes - 1 + 5 * Math.sqrt(2 * (classes - 1)) + 5);
  });

  it('binomial: nothing of nothing, all of certainty', () => {
    expect([binomial(0, 0.5, seeded(1)), binomial(9, 0, seeded(1)), binomial(9, 1, seeded(1))]).toEqual([0, 0, 9]); // prettier-ignore
  });

  it('as many as there are, one by one and by numbers', async () => {
    for (const n of [100, 100_000]) {
      const kinds = Uint32Array.from({ length: n }, (_, i) => (i % 10 === 0 ? 5 : 6));
      const weight = new Uint32Array(8);
      await drawAgain(
        kinds,
        [0, 0, 0, 0, 0, n / 10, (9 * n) / 10],
        [5, 7],
        weight,
        seeded(3),
        pace(),
      );
      expect(weight[5]! + weight[6]!).toBe(n);
      expect(Math.abs(weight[5]! - n / 10)).toBeLessThan(5 * Math.sqrt(n * 0.09));
    }
  });
});
