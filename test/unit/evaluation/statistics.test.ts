import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bootstrap as bootstrapOf,
  bootstrapP,
  Contents,
  holm,
  interval,
  mcnemar,
  StepPacer,
  reliability,
  RiskOrder,
  seeded,
  type Entries,
} from '../../../server/src/evaluation/statistics/index.js';

describe('McNemar', () => {
  it('is the two-sided binomial test', () => {
    // scipy.stats.binomtest(k, n).pvalue
    expect(mcnemar(5, 15)).toBeCloseTo(0.04138946533203125, 12);
    expect(mcnemar(0, 6)).toBeCloseTo(0.03125, 12);
    expect(mcnemar(10, 10)).toBe(1);
    expect(mcnemar(0, 0)).toBe(1);
    expect(mcnemar(700, 600)).toBeCloseTo(0.0060157938610449395, 12);
  });
});

describe('Holm', () => {
  it('steps down, keeps the order, and leaves NaN out', () => {
    const found = holm([0.01, 0.04, 0.03, Number.NaN, 0.005]);
    expect(found[3]).toBeNaN();
    [0.03, 0.06, 0.06, undefined, 0.02].forEach((p, i) => p && expect(found[i]).toBeCloseTo(p, 12));
  });

  it('is at least the p itself, at most 1, and in the order of p', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1 }), (p) => {
        const out = holm(p);
        out.forEach((q, i) => expect(q >= p[i]! && q <= 1).toBe(true));
        p.forEach((a, i) => p.forEach((b, j) => a < b && expect(out[i]! <= out[j]!).toBe(true)));
      }),
    );
  });
});

describe('the bootstrap by prompt', () => {
  /** Means by [replicate][row][cell]. */
  const bootstrap = async (
    entries: Entries,
    rows: number,
    value: (row: number, entry: number) => number,
    o: { replicates: number; seed: number },
  ): Promise<number[][][]> => {
    const values = (r: number) => Array.from({ length: entries.length }, (_, e) => value(r, e));
    const out: number[][][] = [];
    const contents = await Contents.of(entries, rows, values);
    await bootstrapOf(contents, o, (_, means) => out.push(means.map((m) => [...m])));
    return out;
  };
  /** n prompts of `each` items that are all alike. */
  const entriesOf = (n: number, each: number) => ({
    cell: new Uint32Array(n * each),
    cluster: Uint32Array.from({ length: n * each }, (_, e) => Math.floor(e / each)),
    length: n * each,
    cells: 1,
    strata: [Uint32Array.from({ length: n }, (_, i) => i)],
    clusters: n,
  });

  it('has intervals of the width that theory gives, wider where items share prompts', async () => {
    const random = seeded(3);
    for (const each of [1, 5]) {
      const truth = Float64Array.from({ length: 400 }, () => Number(random() < 0.7));
      const draws = await bootstrap(
        entriesOf(400, each),
        1,
        (_, e) => truth[Math.floor(e / each)]!,
        { replicates: 1000, seed: 1 },
      );
      const [low, high] = interval(draws.map((means) => means[0]![0]!));
      const p = truth.reduce((a, b) => a + b, 0) / 400;
      // Of 400 prompts, however many items each has.
      expect(high - low).toBeCloseTo(2 * 1.96 * Math.sqrt((p * (1 - p)) / 400), 1);
      expect(Math.abs((high + low) / 2 - p)).toBeLessThan(0.01);
    }
  });

  it('draws the same for all rows: equal rows never differ, and the same seed gives the same', async () => {
    const once = () => bootstrap(entriesOf(50, 2), 2, (_, e) => e % 3, { replicates: 50, seed: 9 });
    const draws = await once();
    expect(draws.every(([a, b]) => a![0] === b![0])).toBe(true);
    expect(await once()).toEqual(draws);
  });

  it('finds a difference where there is one, at the wanted rate where there is none', async () => {
    const random = seeded(11);
    const rejected = async (shift: number): Promise<number> => {
      let count = 0;
      for (let run = 0; run < 60; run++) {
        const a = Float64Array.from({ length: 150 }, () => Number(random() < 0.6 + shift));
        const b = Float64Array.from({ length: 150 }, () => Number(random() < 0.6));
        const draws = await bootstrap(entriesOf(150, 1), 2, (r, e) => (r === 0 ? a : b)[e]!, { replicates: 200, seed: run }); // prettier-ignore
        if (bootstrapP(draws.map(([x, y]) => x![0]! - y![0]!)) < 0.05) count++;
      }
      return count / 60;
    };
    expect(await rejected(0)).toBeLessThan(0.16);
    expect(await rejected(0.3)).toBeGreaterThan(0.95);
  });
});

describe('reliability', () => {
  it('is 0 for probabilities that are true, and the distance for those that are not', () => {
    const random = seeded(5);
    const n = 40_000;
    const p = Float64Array.from({ length: n }, () => 0.5 + random() / 2);
    const right = p.map((x) => Number(random() < x));
    const good = reliability({ length: n, confidence: (i) => p[i]!, right: (i) => right[i]! });
    expect(good.ece).toBeLessThan(0.01);
    const sure = reliability({ length: n, confidence: () => 0.95, right: (i) => right[i]! });
    expect(sure.ece).toBeCloseTo(0.2, 1);
    expect(sure.bias).toBeLessThan(-0.15);
    expect(sure.bins.reduce((sum, b) => sum + b.count, 0)).toBe(n);
  });
});

describe('risk and coverage', () => {
  const area = async (sure: number[], right: number[]) =>
    (await RiskOrder.of(sure.length, (i) => sure[i]!, (i) => right[i]!, (i) => i, new StepPacer())).curve(); // prettier-ignore

  it('is the mean error over coverages', async () => {
    // Surest first: right, wrong, right: errors 0, 1/2, 1/3.
    expect((await area([3, 2, 1], [1, 0, 1])).area).toBeCloseTo((0 + 1 / 2 + 1 / 3) / 3, 12);
    expect((await area([3, 1, 2], [1, 0, 1])).area).toBeCloseTo((0 + 0 + 1 / 3) / 3, 12);
  });

  it('gains nothing where all are equally sure, and never beats the best order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1)), { minLength: 1 }),
        async (items) => {
          const right = items.map(([, r]) => r);
          const flat = await area(items.map(() => 1), right); // prettier-ignore
          expect(flat.area).toBeCloseTo(flat.error, 9);
          const found = await area(items.map(([s]) => s), right); // prettier-ignore
          expect(found.area).toBeGreaterThanOrEqual(found.best - 1e-9);
          expect((await area(right, right)).area).toBeCloseTo(found.best, 9);
          expect(found.curve.at(-1)!.accuracy).toBeCloseTo(1 - found.error, 9);
        },
      ),
    );
  });
});
