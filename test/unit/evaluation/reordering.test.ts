import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  drawEach,
  StepPacer,
  Ranked,
  RankPair,
  RiskOrder,
  seeded,
} from '../../../server/src/evaluation/statistics/index.js';
import { naiveArea, naiveSpearman, repeated } from './naive.js';

const pace = () => new StepPacer();

describe('order by radix', () => {
  it('is that of the numbers: stable, equal ones together, NaN last', async () => {
    const numbers = fc.oneof(
      fc.double(),
      fc.constantFrom(0, -0, Infinity, -Infinity, NaN, 5e-324, -5e-324, 1, 1),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(numbers), async (x) => {
        const { order, ends } = await Ranked.of(x.length, (i) => x[i]!, pace());
        const rank = (v: number): number => (Number.isNaN(v) ? 1 : 0);
        const expected = x.map((_, i) => i).sort((a, b) => rank(x[a]!) - rank(x[b]!) || (x[a]! < x[b]! ? -1 : x[a]! > x[b]! ? 1 : 0) || a - b); // prettier-ignore
        expect([...order]).toEqual(expected);
        const same = (a: number, b: number): boolean =>
          a === b || (Number.isNaN(a) && Number.isNaN(b));
        const groups = expected.flatMap((i, at) => (at + 1 < x.length && same(x[i]!, x[expected[at + 1]!]!) ? [] : [at + 1])); // prettier-ignore
        expect([...ends]).toEqual(groups);
      }),
    );
  });
});

describe('risk and coverage of a resample', () => {
  const decisions = fc.array(
    fc.record({
      sure: fc.oneof(
        fc.nat(5),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(NaN, Infinity),
      ),
      right: fc.constantFrom(0, 0.5, 1),
      weight: fc.nat(30),
    }),
    { minLength: 1, maxLength: 80 },
  );
  const orderOf = (d: readonly { sure: number; right: number }[]): Promise<RiskOrder> =>
    RiskOrder.of(d.length, (i) => d[i]!.sure, (i) => d[i]!.right, (i) => i, pace()); // prettier-ignore

  it('is that of the list with every decision as often as it was drawn', async () => {
    await fc.assert(
      fc.asyncProperty(decisions, async (d) => {
        fc.pre(d.some(({ weight }) => weight > 0));
        const order = await orderOf(d);
        const weight = d.map((x) => x.weight);
        expect(order.area(weight)).toBeCloseTo(naiveArea(repeated(d, weight)), 10);
        expect(order.curve().area).toBeCloseTo(naiveArea(d), 10);
      }),
    );
  });

  it('holds far from the beginning', async () => {
    const random = seeded(6);
    const n = 12_000;
    const d = Array.from({ length: n }, () => ({ sure: random(), right: Number(random() < 0.7) }));
    const weight = new Uint8Array(n);
    await drawEach(n, weight, random, pace());
    const list = repeated(d, weight).sort((a, b) => b.sure - a.sure);
    // No two are equally sure but copies, which are both right or both wrong: a plain mean of errors.
    let [right, error] = [0, 0];
    for (const [k, x] of list.entries()) error += 1 - (right += x.right) / (k + 1);
    expect((await orderOf(d)).area(weight)).toBeCloseTo(error / list.length, 12);
  });

  it('holds for long groups, by the series of harmonic numbers', async () => {
    // 70 sure ones all right, then 5000 that are right half of the time.
    const d = Array.from({ length: 5070 }, (_, i) => ({
      sure: i < 70 ? 1 : 0,
      right: i < 70 || i % 2 === 0 ? 1 : 0,
    }));
    expect((await orderOf(d)).area(new Uint8Array(5070).fill(1))).toBeCloseTo(naiveArea(d), 12);
  });
});

it('rank correlations of a resample are those of the list', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(6), fc.nat(6), fc.nat(3)), { minLength: 2, maxLength: 40 }),
      async (samples) => {
        const pairs = samples.map(([x, y]) => [x, y] as const);
        const weight = samples.map(([, , w]) => w);
        fc.pre(weight.some((w) => w > 0));
        const pair = await RankPair.of(pairs.map(([x]) => x), pairs.map(([, y]) => y), pace()); // prettier-ignore
        expect(pair.spearman(weight)).toBeCloseTo(naiveSpearman(repeated(pairs, weight)), 10);
      },
    ),
  );
});

it('long work rests now and then, and ends when it is of no use any more', async () => {
  let rests = 0;
  const stop = new Error('stop');
  const work = drawEach(5_000_000, new Uint8Array(5_000_000), seeded(1), new StepPacer(() => {
    if (++rests === 3) throw stop;
    return Promise.resolve();
  })); // prettier-ignore
  await expect(work).rejects.toBe(stop);
});
