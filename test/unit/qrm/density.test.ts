import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pieces } from '../../../server/src/qrm/density.js';
import {
  bandwidth,
  countModes,
  density,
  densityCurve,
  grid,
  modes,
  rearrange,
  support,
  uniformLevels,
} from '../../../server/src/qrm/index.js';
import { apart, distribution } from './arbitrary.js';

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void) =>
  fc.assert(
    fc.property(arbitrary, (value) => {
      property(value);
    }),
    // A failure is told soon, shrunk or not.
    { numRuns: 200, interruptAfterTimeLimit: 10_000 },
  );
const trapezoid = (x: Float64Array, y: Float64Array) =>
  x.reduce((sum, _, i) => (i === 0 ? 0 : sum + ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2), 0);

/** The normal distribution function (Abramowitz & Stegun 26.2.17, error below 7.5e-8). */
function phi(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x > 0 ? 1 - tail : tail;
}
function quantilesOf(cdf: (x: number) => number, levels: readonly number[]): number[] {
  return levels.map((u) => {
    let [low, high] = [-60, 60];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (cdf(middle) < u) low = middle;
      else high = middle;
    }
    return low;
  });
}
const L = uniformLevels(19);
const mixtureOf = (...parts: [weight: number, mean: number, sd: number][]) =>
  quantilesOf((x) => parts.reduce((sum, [w, m, s]) => sum + w * phi((x - m) / s), 0), L);

describe('density', () => {
  it('is never negative, 0 outside its support, and integrates to 1', () =>
    check(apart, ({ levels, sorted }) => {
      const { y } = densityCurve(sorted, levels, 301);
      expect(Math.min(...y)).toBeGreaterThanOrEqual(0);
      // Between the ends of the kernels around each edge the density is a polynomial.
      const h = bandwidth(sorted, levels);
      const ends = [...pieces(sorted, levels).edges].flatMap((e) => [e - h, e, e + h]);
      let mass = 0;
      ends
        .sort((a, b) => a - b)
        .forEach((end, e) => {
          const x = grid(ends[e - 1] ?? end, end, 33);
          mass += trapezoid(x, density(sorted, levels, x));
        });
      expect(mass).toBeCloseTo(1, 2);
      const [low, high] = support(sorted, levels);
      expect([...density(sorted, levels, [low - 1, high + 1])]).toEqual([0, 0]);
      for (const f of density(sorted, levels, [low, high])) expect(f * h).toBeCloseTo(0, 12);
    }));
  it('is finite with ties, crossings sorted away, and point masses', () =>
    check(distribution, ({ levels, raw }) => {
      const { x, y } = densityCurve(rearrange(raw), levels, 65);
      expect([...x, ...y].every(Number.isFinite)).toBe(true);
    }));
  it('is smooth: no jump between neighbouring points of a fine grid', () => {
    const { y } = densityCurve(mixtureOf([0.5, -2, 1], [0.5, 2, 0.3]), L, 2001);
    const peak = Math.max(...y);
    y.forEach((f, i) => {
      if (i > 0) expect(Math.abs(f - y[i - 1]!)).toBeLessThan(peak / 50);
    });
  });
  it('comes near the normal density it was read from', () => {
    const xs = grid(-2, 2, 41);
    density(mixtureOf([1, 0, 1]), L, xs).forEach((f, i) => {
      const exact = Math.exp((-xs[i]! * xs[i]!) / 2) / Math.sqrt(2 * Math.PI);
      expect(Math.abs(f - exact)).toBeLessThan(0.04);
    });
  });
  it('scales and shifts with the rewards', () =>
    check(apart, ({ levels, sorted }) => {
      const xs = grid(...support(sorted, levels), 33);
      const f = density(sorted, levels, xs);
      const moved = sorted.map((q) => 4 * q - 3);
      density(
        moved,
        levels,
        xs.map((x) => 4 * x - 3),
      ).forEach((g, i) => {
        if (levels.length > 1) expect(4 * g).toBeCloseTo(f[i]!, 6);
      });
    }));
});

describe('modes', () => {
  it.each([
    ['normal', mixtureOf([1, 0, 1]), [0]],
    ['two near each other are one', mixtureOf([0.5, -1, 1], [0.5, 1, 1]), [0]],
    ['two apart', mixtureOf([0.5, -3, 1], [0.5, 3, 1]), [-3, 3]],
    ['two of unequal weight', mixtureOf([0.25, -4, 0.5], [0.75, 2, 1]), [-4, 2]],
    ['three', mixtureOf([1 / 3, -5, 0.5], [1 / 3, 0, 0.5], [1 / 3, 5, 0.5]), [-5, 0, 5]],
    ['an outlier is no mode', mixtureOf([0.05, -20, 0.1], [0.95, 0, 1]), [0]],
    ['point masses', L.map((u) => (u > 0.5 ? 1 : 0)), [0, 1]],
    ['a constant', L.map(() => 2), [2]],
  ])('%s', (_, quantiles, expected) => {
    const found = modes(quantiles, L);
    expect(found.length).toBe(expected.length);
    expect(countModes(quantiles, L)).toBe(expected.length);
    found.forEach((x, m) => expect(Math.abs(x - expected[m]!)).toBeLessThan(0.7));
  });
  it('does not depend on unit and origin, nor on small noise', () =>
    check(
      fc.array(fc.double({ min: -0.05, max: 0.05, noNaN: true }), { minLength: 19, maxLength: 19 }),
      (noise) => {
        for (const [quantiles, count] of [
          [mixtureOf([1, 0, 1]), 1],
          [mixtureOf([0.5, -3, 1], [0.5, 3, 1]), 2],
        ] as const) {
          const noisy = rearrange(quantiles.map((q, k) => 0.01 * (q + noise[k]!) - 7));
          expect(countModes(noisy, L)).toBe(count);
        }
      },
    ));
  it('counts at least one, at most as many as there is mass for; both ways agree', () =>
    check(distribution, ({ levels, raw }) => {
      const sorted = rearrange(raw);
      const count = countModes(sorted, levels);
      expect(count).toBe(modes(sorted, levels).length);
      expect(count).toBeGreaterThanOrEqual(1);
      expect(count).toBeLessThanOrEqual(10);
    }));
});
