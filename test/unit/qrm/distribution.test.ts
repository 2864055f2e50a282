import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cdfAt,
  certaintyEquivalent,
  checkLevels,
  countCrossings,
  cvar,
  expectation,
  probabilityBeats,
  quantileAt,
  rearrange,
  spread,
  uniformLevels,
  utility,
} from '../../../server/src/qrm/index.js';
import { apart, distribution, level, pair } from './arbitrary.js';

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void) =>
  fc.assert(
    fc.property(arbitrary, (value) => {
      property(value);
    }),
    // A failure is told soon, shrunk or not.
    { numRuns: 300, interruptAfterTimeLimit: 10_000 },
  );

describe('levels', () => {
  it('are k/(K+1)', () => {
    expect(uniformLevels(3)).toEqual([0.25, 0.5, 0.75]);
    expect(uniformLevels(19)[0]).toBeCloseTo(0.05, 15);
  });
  it('are refused when empty, out of range, or not ascending', () => {
    for (const bad of [[], [0], [1], [0.5, 0.5], [0.6, 0.4], [Number.NaN], [0.5, 2]]) {
      expect(() => checkLevels(bad)).toThrow(RangeError);
    }
    expect(() => checkLevels([0.05, 0.5, 0.95])).not.toThrow();
  });
});

describe('rearrangement', () => {
  it('sorts, keeps the values and the mean, and leaves no crossing', () =>
    check(distribution, ({ raw }) => {
      const sorted = rearrange(raw);
      expect(countCrossings(sorted)).toBe(0);
      // + 0: a -0 may change places with a 0.
      const expected = raw.map((x) => Math.fround(x) + 0).sort((a, b) => a - b);
      expect(Array.from(sorted, (x) => x + 0)).toEqual(expected);
      expect(expectation(sorted)).toBeCloseTo(expectation(raw), 5);
    }));
  it('counts adjacent levels in the wrong order', () => {
    expect(countCrossings([1, 2, 3])).toBe(0);
    expect(countCrossings([1, 1, 1])).toBe(0);
    expect(countCrossings([3, 2, 1])).toBe(2);
    expect(countCrossings([0, 2, 1, 3, 2.5])).toBe(2);
  });
});

describe('quantile function and cdf', () => {
  it('meets the quantiles at their levels and interpolates half way between', () => {
    const levels = [0.1, 0.5, 0.9];
    const q = [-1, 0, 4];
    expect(levels.map((u) => quantileAt(q, levels, u))).toEqual(q);
    expect(quantileAt(q, levels, 0.3)).toBeCloseTo(-0.5, 12);
    expect(quantileAt(q, levels, 0.7)).toBeCloseTo(2, 12);
    expect([0, 0.05, 0.95, 1].map((u) => quantileAt(q, levels, u))).toEqual([-1, -1, 4, 4]);
  });
  it('is monotone', () =>
    check(fc.tuple(distribution, level, level), ([{ levels, raw }, u, v]) => {
      const q = rearrange(raw);
      const [low, high] = [Math.min(u, v), Math.max(u, v)];
      expect(quantileAt(q, levels, low)).toBeLessThanOrEqual(quantileAt(q, levels, high));
    }));
  it('is inverted by the cdf: F(Q(u)) = u inside the outer levels', () =>
    check(fc.tuple(apart, level), ([{ levels, sorted }, share]) => {
      const first = levels[0]!;
      const last = levels.at(-1)!;
      if (levels.length < 2) return; // a point mass: F jumps
      const u = first + (last - first) * share * 0.999;
      expect(cdfAt(sorted, levels, quantileAt(sorted, levels, u))).toBeCloseTo(u, 6);
    }));
  it('has F(Q(u)) >= u everywhere, ties or not: the definition of a quantile', () =>
    check(fc.tuple(distribution, level), ([{ levels, raw }, u]) => {
      const q = rearrange(raw);
      expect(cdfAt(q, levels, quantileAt(q, levels, u))).toBeGreaterThanOrEqual(u - 1e-9);
    }));
  it('has a monotone cdf from 0 to 1', () =>
    check(fc.tuple(distribution, fc.double({ min: -10, max: 10, noNaN: true })), (sample) => {
      const [{ levels, raw }, x] = sample;
      const q = rearrange(raw);
      expect(cdfAt(q, levels, q[0]! - 1e-3)).toBe(0);
      expect(cdfAt(q, levels, q.at(-1)!)).toBe(1);
      expect(cdfAt(q, levels, x)).toBeLessThanOrEqual(cdfAt(q, levels, x + 0.1));
    }));
  it('works with one level', () => {
    expect(quantileAt([2], [0.5], 0.05)).toBe(2);
    expect([1.9, 2, 2.1].map((x) => cdfAt([2], [0.5], x))).toEqual([0, 1, 1]);
  });
});

describe('tail', () => {
  it('is the mean of the quantile function below alpha, by a fine Riemann sum', () =>
    check(fc.tuple(distribution, fc.double({ min: 0.01, max: 1, noNaN: true })), (sample) => {
      const [{ levels, raw }, alpha] = sample;
      const q = rearrange(raw);
      const n = 4000;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += quantileAt(q, levels, (alpha * (i + 0.5)) / n);
      expect(cvar(q, levels, alpha)).toBeCloseTo(sum / n, 2);
    }));
  it('is at most the quantile, grows with alpha and shifts with the distribution', () =>
    check(fc.tuple(distribution, fc.integer({ min: -5, max: 5 })), ([{ levels, raw }, shift]) => {
      const q = rearrange(raw);
      let before = -Infinity;
      for (const alpha of [0.01, 0.05, 0.2, 0.5, 0.9, 1]) {
        const c = cvar(q, levels, alpha);
        expect(c).toBeLessThanOrEqual(quantileAt(q, levels, alpha) + 1e-9);
        expect(c).toBeGreaterThanOrEqual(before - 1e-9);
        expect(
          cvar(
            q.map((x) => x + shift),
            levels,
            alpha,
          ),
        ).toBeCloseTo(c + shift, 4);
        before = c;
      }
    }));
  it('equals the lowest quantile up to the lowest level', () => {
    const levels = uniformLevels(19);
    const q = levels.map((u) => 10 * u);
    expect(cvar(q, levels, 0.05)).toBeCloseTo(q[0]!, 12);
    // (0.05 * 0.5 + trapezoid from 0.5 to 2 over 0.15) / 0.2
    expect(cvar(q, levels, 0.2)).toBeCloseTo((0.05 * 0.5 + 0.15 * 1.25) / 0.2, 12);
  });
  it('measures the spread as q95 - q05, never below 0', () => {
    const levels = uniformLevels(19);
    expect(
      spread(
        levels.map((u) => 2 * u),
        levels,
      ),
    ).toBeCloseTo(1.8, 12);
    check(distribution, (d) =>
      expect(spread(rearrange(d.raw), d.levels)).toBeGreaterThanOrEqual(0),
    );
  });
});

describe('utility', () => {
  const lambdas = [-3, -0.1, 0, 1e-12, 1e-6, 0.1, 1, 10, 1000, 1e6];
  it('has a certainty equivalent that falls with lambda, from at most the highest to at least the lowest reward', () =>
    check(distribution, ({ raw }) => {
      let before = Infinity;
      for (const lambda of lambdas) {
        const ce = certaintyEquivalent(raw, lambda);
        expect(ce).toBeLessThanOrEqual(before + 1e-9);
        expect(ce).toBeGreaterThanOrEqual(Math.min(...raw) - 1e-9);
        expect(ce).toBeLessThanOrEqual(Math.max(...raw) + 1e-9);
        if (lambda >= 0) expect(ce).toBeLessThanOrEqual(expectation(raw) + 1e-9);
        before = ce;
      }
    }));
  it('equals -log(-U)/lambda where U does not overflow', () =>
    check(fc.tuple(distribution, fc.double({ min: 0.01, max: 5, noNaN: true })), (sample) => {
      const [{ raw }, lambda] = sample;
      const direct = -Math.log(-utility(raw, lambda)) / lambda;
      expect(certaintyEquivalent(raw, lambda)).toBeCloseTo(direct, 8);
    }));
  it('shifts with the rewards, and agrees with mean - lambda var / 2 for small lambda', () => {
    const raw = [-2, 0, 1, 5];
    expect(
      certaintyEquivalent(
        raw.map((r) => r + 7),
        2,
      ),
    ).toBeCloseTo(certaintyEquivalent(raw, 2) + 7, 10);
    const mean = expectation(raw);
    const variance = expectation(raw.map((r) => (r - mean) ** 2));
    const lambda = 1e-7;
    expect(certaintyEquivalent(raw, lambda) - mean).toBeCloseTo((-lambda * variance) / 2, 12);
  });
  it('stays finite where the utility overflows', () => {
    expect(utility([-1000, 1000], 10)).toBe(-Infinity);
    expect(certaintyEquivalent([-1000, 1000], 10)).toBeCloseTo(-1000 + Math.log(2) / 10, 9);
    expect(certaintyEquivalent([-1e30, 1e30], 1e300)).toBe(-1e30);
  });
});

describe('P(A beats B)', () => {
  it('and P(B beats A) are in [0, 1] and sum to 1', () =>
    check(pair, ({ levels, a, b }) => {
      const [p, q] = [rearrange(a), rearrange(b)];
      const forth = probabilityBeats(p, q, levels);
      expect(forth).toBeGreaterThanOrEqual(-1e-12);
      expect(forth).toBeLessThanOrEqual(1 + 1e-12);
      expect(forth + probabilityBeats(q, p, levels)).toBeCloseTo(1, 10);
      expect(probabilityBeats(p, p, levels)).toBeCloseTo(0.5, 10);
    }));
  it('is the mean over u of the middle of F_B at Q_A(u), by a fine Riemann sum', () =>
    check(pair, ({ levels, a, b }) => {
      // One number is no distribution: see below.
      fc.pre(levels.length > 1);
      const [p, q] = [rearrange(a), rearrange(b)];
      const n = 2000;
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const x = quantileAt(p, levels, (i + 0.5) / n);
        // F(x-) = 1 - F of the mirrored distribution at -x, with the mirrored levels.
        const mirrored = [...q].reverse().map((r) => -r);
        const below =
          1 -
          cdfAt(
            mirrored,
            [...levels].reverse().map((u) => 1 - u),
            -x,
          );
        sum += (below + cdfAt(q, levels, x)) / 2;
      }
      expect(Math.abs(probabilityBeats(p, q, levels) - sum / n)).toBeLessThan(0.02);
    }));
  it('is 1 for separated rewards, 1/2 for a tie, and does not change with a common shift', () => {
    const levels = uniformLevels(4);
    expect(probabilityBeats([5, 6, 7, 8], [1, 2, 3, 4], levels)).toBeCloseTo(1, 12);
    const sixteenths = fc.array(fc.integer({ min: -64, max: 64 }), { minLength: 4, maxLength: 4 });
    check(fc.tuple(sixteenths, sixteenths, fc.integer({ min: -100, max: 100 })), ([a, b, c]) => {
      const at = (xs: number[], by: number) => rearrange(xs.map((x) => x / 16 + by));
      expect(probabilityBeats(at(a, c), at(b, c), levels)).toBeCloseTo(
        probabilityBeats(at(a, 0), at(b, 0), levels),
        12,
      );
    });
  });
  it('is the logistic of the difference of two Bradley-Terry logits (K = 1)', () => {
    expect(probabilityBeats([3], [3], [0.5])).toBe(0.5);
    // Odds of 3 to 1.
    expect(probabilityBeats([Math.log(3)], [0], [0.5])).toBeCloseTo(0.75, 12);
    expect(probabilityBeats([1000], [-1000], [0.5])).toBe(1);
    expect(probabilityBeats([-1000], [1000], [0.5])).toBe(0);
  });
  it('grows when every quantile of A grows', () =>
    check(
      fc.tuple(pair, fc.double({ min: 0, max: 3, noNaN: true })),
      ([{ levels, a, b }, more]) => {
        const [p, q] = [rearrange(a), rearrange(b)];
        const better = probabilityBeats(rearrange(a.map((x) => x + more)), q, levels);
        expect(better).toBeGreaterThanOrEqual(probabilityBeats(p, q, levels) - 1e-6);
      },
    ));
});
