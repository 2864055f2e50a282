import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestOfWeights,
  BetaSolver,
  figureMatrix,
  FIGURES,
  importance,
  promptsOf,
  spreadWithin,
  tilt,
  tiltedWeights,
  type SampleSet,
} from '../../../server/src/policy/index.js';
import { gaussianSamples, normal } from './gaussian.js';

const WIDTH = FIGURES.length;

/** One prompt whose samples have these scores for means. */
function onePrompt(scores: readonly number[], base?: readonly number[]): SampleSet {
  let i = 0;
  const samples = gaussianSamples(1, scores.length, () => ({ mean: scores[i++]!, spread: 1 }));
  const sum = base?.reduce((a, b) => a + b, 0) ?? 1;
  return base === undefined
    ? samples
    : { ...samples, base: Float64Array.from(base, (b) => b / sum) };
}

const scoresOf = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), {
  minLength: 2,
  maxLength: 12,
});
const betaOf = fc.double({ min: 0.001, max: 100, noNaN: true });

/** The self-normalised estimate of one figure and the KL, as they are written in a book. */
function plain(scores: readonly number[], base: readonly number[], beta: number, f: number[]) {
  const most = Math.max(...scores);
  const total = base.reduce((a, b) => a + b, 0);
  const e = scores.map((s, i) => (base[i]! / total) * Math.exp((s - most) / beta));
  const sum = e.reduce((a, b) => a + b, 0);
  const w = e.map((x) => x / sum);
  return {
    value: w.reduce((a, x, i) => a + x * f[i]!, 0),
    kl: w.reduce((a, x, i) => a + (x > 0 ? x * Math.log((x * total) / base[i]!) : 0), 0),
    ess: 1 / w.reduce((a, x) => a + x * x, 0),
  };
}

describe('tilting', () => {
  it('is the self-normalised estimate, corrected by leaving each sample out once', () => {
    fc.assert(
      fc.property(scoresOf, betaOf, fc.boolean(), (scores, beta, weighted) => {
        const base = scores.map((_, i) => (weighted ? 1 + (i % 3) : 1));
        const samples = onePrompt(scores, weighted ? base : undefined);
        const found = tilt(samples, samples.expectation, beta, figureMatrix(samples, 0.2, 0));
        const means = [...samples.expectation];
        const n = scores.length;
        const whole = plain(means, base, beta, means);
        const left = means.map((_, j) => {
          const without = <T>(x: readonly T[]): T[] => x.filter((_, i) => i !== j);
          return plain(without(means), without(base), beta, without(means));
        });
        const corrected = (read: (x: typeof whole) => number): number =>
          n * read(whole) - ((n - 1) / n) * left.reduce((a, x) => a + read(x), 0);
        expect(found.plugIn.figures[0]).toBeCloseTo(whole.value, 8);
        expect(found.plugIn.kl[0]).toBeCloseTo(whole.kl, 8);
        expect(found.ess[0]).toBeCloseTo(whole.ess, 8);
        expect(found.figures[0]).toBeCloseTo(
          corrected((x) => x.value),
          7,
        );
        expect(found.kl[0]).toBeCloseTo(
          corrected((x) => x.kl),
          7,
        );
      }),
    );
  });

  it('gives weights that sum to 1, from the reference at a large beta to the best response at a small one', () => {
    fc.assert(
      fc.property(scoresOf, betaOf, (scores, beta) => {
        const samples = onePrompt(scores);
        const w = tiltedWeights(samples, samples.expectation, beta);
        expect(w.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 10);
        const far = tiltedWeights(samples, samples.expectation, 1e12);
        far.forEach((x) => expect(x).toBeCloseTo(1 / scores.length, 8));
        const near = tiltedWeights(samples, samples.expectation, 1e-9);
        const best = Math.max(...samples.expectation);
        near.forEach((x, i) => {
          if (samples.expectation[i]! < best - 1e-6) expect(x).toBe(0);
        });
      }),
    );
  });

  it('never gives a response of a score of -Infinity, and the reference where all are', () => {
    const samples = onePrompt([0, 1, 2]);
    expect([...tiltedWeights(samples, [-Infinity, 0, 0], 1)]).toEqual([0, 0.5, 0.5]);
    const all = tilt(samples, [-Infinity, -Infinity, -Infinity], 1, figureMatrix(samples, 0.2, 0));
    expect(all.kl[0]).toBe(0);
    expect(all.figures[0]).toBeCloseTo(1, 12);
  });

  it('keeps its digits where one response dominates the others', () => {
    const samples = onePrompt([0, 1, 2, 900]);
    const found = tilt(samples, samples.expectation, 1, figureMatrix(samples, 0.2, 0));
    // Left out: the tilt of 0, 1, 2, once; three times the sample at 900.
    const rest = plain([0, 1, 2], [1, 1, 1], 1, [0, 1, 2]).value;
    expect(found.figures[0]).toBeCloseTo(4 * 900 - (3 * (3 * 900 + rest)) / 4, 6);
  });

  it('has the KL that was asked for', () => {
    const g = normal(5);
    const samples = gaussianSamples(50, 8, () => ({ mean: g(), spread: 0.3 }));
    const solver = new BetaSolver(samples, samples.expectation);
    for (const kl of [0.01, 0.1, 0.5, 1, 1.5]) {
      const { kl: each } = tilt(samples, samples.expectation, solver.beta(kl)!);
      expect(each.reduce((a, b) => a + b, 0) / promptsOf(samples) / kl).toBeCloseTo(1, 2);
    }
    expect(solver.beta(20)).toBeUndefined();
    expect(new BetaSolver(samples, new Float64Array(400)).beta(0.5)).toBeUndefined();
    expect(spreadWithin(samples, samples.expectation)).toBeCloseTo(1, 1);
  });
});

describe('best-of-k', () => {
  it('is the mean over all subsets of k of their best', () => {
    const few = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(few, fc.integer({ min: 1, max: 8 }), (scores, k) => {
        fc.pre(k <= scores.length);
        const samples = onePrompt(scores);
        const n = scores.length;
        const expected = new Float64Array(n);
        let subsets = 0;
        for (let bits = 0; bits < 1 << n; bits++) {
          const members = scores.map((_, i) => i).filter((i) => (bits >> i) & 1);
          if (members.length !== k) continue;
          subsets++;
          const best = Math.max(...members.map((i) => scores[i]!));
          const winners = members.filter((i) => scores[i] === best);
          for (const i of winners) expected[i]! += 1 / winners.length;
        }
        const w = bestOfWeights(samples, scores, k);
        w.forEach((x, i) => expect(x).toBeCloseTo(expected[i]! / subsets, 10));
      }),
    );
  });

  it('draws by importance weights with replacement', () => {
    const samples = onePrompt([1, 2, 3], [1, 1, 2]);
    // P(best is the i-th) = F_i^2 - F_{i-1}^2 with F = 1/4, 1/2, 1.
    const w = [...bestOfWeights(samples, [1, 2, 3], 2)];
    expect(w).toEqual([1 / 16, 1 / 4 - 1 / 16, 1 - 1 / 4]);
  });

  it('says nothing of a prompt with fewer samples', () => {
    const samples = onePrompt([1, 2]);
    expect([...bestOfWeights(samples, [1, 2], 3)]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('importance weights', () => {
  it('turn samples of one policy into those of another', () => {
    // Drawn from N(0, 1), wanted from N(0.5, 1): log ratio = 0.5 x - 0.125.
    const g = normal(11);
    const [P, n] = [400, 64];
    const samples = gaussianSamples(P, n, () => ({ mean: g(), spread: 0.1 }));
    const x = samples.expectation;
    const drawnBy = x.map((v) => -v * v * 0.5);
    const reference = x.map((v) => -((v - 0.5) ** 2) * 0.5);
    const base = importance(samples.offsets, drawnBy, reference);
    const figures = figureMatrix(samples, 0.2, 0);
    // Tilted by beta = 2 from there: the mean is 0.5 + 1/2.
    const found = tilt({ ...samples, base }, x, 2, figures);
    let mean = 0;
    for (let p = 0; p < P; p++) mean += found.figures[p * WIDTH]! / P;
    expect(mean).toBeGreaterThan(0.93);
    expect(mean).toBeLessThan(1.07);
  });
});

it('finds the beta of many prompts as of few: some of them first, all of them last', () => {
  const g = normal(8);
  const samples = gaussianSamples(6000, 8, () => ({ mean: g() + 0.3 * g() ** 2, spread: 0.3 }));
  const solver = new BetaSolver(samples, samples.expectation);
  for (const kl of [0.05, 0.5, 1]) {
    const { kl: each } = tilt(samples, samples.expectation, solver.beta(kl)!);
    const mean = each.reduce((a, b) => a + b, 0) / promptsOf(samples);
    expect(Math.abs(mean / kl - 1)).toBeLessThan(2e-3);
  }
  expect(solver.beta(20)).toBeUndefined();
});
