import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bestOfKl,
  FIGURES,
  figureMatrix,
  objectiveScores,
  parseObjective,
  pointOf,
  preview,
  PromptBootstrap,
  tilt,
  bestOf,
  type Estimate,
} from '../../../server/src/policy/index.js';
import { certaintyEquivalent } from '../../../server/src/qrm/index.js';
import { gaussianSamples, normal } from './gaussian.js';

const WIDTH = FIGURES.length;
const holds = ({ low, high }: Estimate, truth: number): boolean => low <= truth && truth <= high;

/** How many of 20 experiments have an interval that holds the truth. */
function hits(experiment: (seed: number) => { estimate: Estimate; truth: number }): number {
  let count = 0;
  for (let seed = 1; seed <= 20; seed++) {
    const { estimate, truth } = experiment(seed);
    if (holds(estimate, truth)) count++;
  }
  return count;
}

describe('Gaussian rewards', () => {
  // sigma / beta: how far the mean moves, in sigma.
  for (const [n, ratio] of [
    [4, 0.5],
    [8, 0.5],
    [8, 1],
    [16, 1],
    [64, 1.5],
  ] as const) {
    it(`tilting moves the mean by sigma^2 / beta: n ${n}, sigma / beta ${ratio}`, () => {
      const sigma = 0.3;
      const beta = sigma / ratio;
      const tilted = (seed: number) => {
        const g = normal(seed);
        const samples = gaussianSamples(200, n, (p) => ({
          mean: p / 100 + sigma * g(),
          spread: 0.1,
        }));
        const own = tilt(samples, samples.expectation, beta, figureMatrix(samples, 0.2, 0));
        return pointOf(new PromptBootstrap(200, seed), own, { beta }, undefined, undefined);
      };
      const points = Array.from({ length: 20 }, (_, seed) => tilted(seed + 1));
      const mean = hits((seed) => ({
        estimate: points[seed - 1]!.figures.mean,
        truth: 0.995 + (sigma * sigma) / beta,
      }));
      const kl = hits((seed) => ({ estimate: points[seed - 1]!.kl, truth: (ratio * ratio) / 2 }));
      expect(mean).toBeGreaterThanOrEqual(17);
      expect(kl).toBeGreaterThanOrEqual(17);
      // What leave-one-out takes off brings it nearer to the truth.
      const average = (read: (p: (typeof points)[number]) => number) =>
        points.reduce((sum, p) => sum + read(p), 0) / points.length;
      const truth = 0.995 + (sigma * sigma) / beta;
      const off = Math.abs(average((p) => p.figures.mean.value) - truth);
      expect(off).toBeLessThan(0.6 * Math.abs(average((p) => p.plugIn!.figures.mean) - truth));
    });
  }

  // E[max of k standard normals]: Harter 1961, Biometrika 48.
  const MAXIMA = { 2: 0.56419, 3: 0.84628, 4: 1.02938, 8: 1.4236, 16: 1.76599 };
  for (const [k, expected] of Object.entries(MAXIMA)) {
    it(`best-of-${k} has the mean of order statistics`, () => {
      const count = hits((seed) => {
        const g = normal(seed);
        const samples = gaussianSamples(150, 16, () => ({ mean: 2 + 0.5 * g(), spread: 0.1 }));
        const own = bestOf(samples, samples.expectation, Number(k), figureMatrix(samples, 0.2, 0));
        const point = pointOf(new PromptBootstrap(150, seed), own, {}, undefined, undefined);
        return { estimate: point.figures.mean, truth: 2 + 0.5 * expected };
      });
      expect(count).toBeGreaterThanOrEqual(17);
    });
  }

  it('moves every quantile with the mean where distributions differ in their place alone', () => {
    const g = normal(3);
    const samples = gaussianSamples(400, 16, () => ({ mean: g(), spread: 0.5 }));
    const { reference, objectives } = preview(samples, {
      objectives: [parseObjective('ce(lambda=2)'), parseObjective('q05')],
      cvarLevel: 0.2,
    });
    for (const { atBudget } of objectives) {
      const { mean, q05, q25 } = atBudget!.gains!;
      expect(q05.value).toBeCloseTo(mean.value, 5);
      expect(q25.value).toBeCloseTo(mean.value, 5);
      expect(Math.abs(atBudget!.differences?.mean.value ?? 0)).toBeLessThan(1e-5);
    }
    expect(reference.figures.below.value).toBeCloseTo(0.05, 3);
  });

  it('pays mean for left tail where spreads differ: CE of a normal reward is m - lambda s^2 / 2', () => {
    // Means and variances independent: m ~ N(0, 1), s^2 = 1 + 0.2 z. CE has variance 1 + (0.1 lambda)^2, so at beta
    // the mean moves by 1 / beta and s^2 by -0.02 lambda / beta, with a KL of (1 + 0.01 lambda^2) / (2 beta^2).
    const g = normal(21);
    const variance = () => Math.max(1 + 0.2 * g(), 0.01);
    const samples = gaussianSamples(500, 32, () => ({ mean: g(), spread: Math.sqrt(variance()) }));
    const lambda = 10;
    // The closed form itself, in place of the K levels' certainty equivalent.
    const scores = samples.expectation.map((m, i) => {
      const spread = (samples.quantiles[i * 19 + 18]! - samples.quantiles[i * 19]!) / 3.2897072;
      return m - (lambda * spread * spread) / 2;
    });
    const beta = 2;
    const own = tilt(samples, scores, beta, figureMatrix(samples, 0.2, 0));
    const point = pointOf(new PromptBootstrap(500), own, { beta }, undefined, undefined);
    expect(holds(point.figures.mean, 1 / beta)).toBe(true);
    expect(holds(point.kl, (1 + 0.01 * lambda * lambda) / (2 * beta * beta))).toBe(true);
  });
});

describe('KL of best-of-k', () => {
  it('is the integral of its density k u^(k-1) against the uniform', () => {
    for (const k of [1, 2, 3, 8, 64]) {
      const steps = 200_000;
      let sum = 0;
      for (let i = 0; i < steps; i++) {
        const density = k * ((i + 0.5) / steps) ** (k - 1);
        if (density > 0) sum += (density * Math.log(density)) / steps;
      }
      expect(bestOfKl(k)).toBeCloseTo(sum, 3);
    }
  });
});

describe('KL-robust reward', () => {
  it('is the certainty equivalent with lambda = 1 / beta', () => {
    const rewards = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), {
      minLength: 2,
      maxLength: 19,
    });
    fc.assert(
      fc.property(
        rewards,
        fc.double({ min: 0.1, max: 20, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 19, maxLength: 19 }),
        (r, beta, other) => {
          const ce = certaintyEquivalent(r, 1 / beta);
          const cost = (weights: readonly number[]): number => {
            const sum = weights.reduce((a, b) => a + b, 0);
            const p = weights.map((w) => w / sum);
            const kl = p.reduce((a, x) => a + (x > 0 ? x * Math.log(x * r.length) : 0), 0);
            return p.reduce((a, x, i) => a + x * r[i]!, 0) + beta * kl;
          };
          // The worst distribution has weights ~ exp(-r / beta); there the cost is the certainty equivalent …
          const least = Math.min(...r);
          expect(cost(r.map((x) => Math.exp(-(x - least) / beta)))).toBeCloseTo(ce, 9);
          // … and nowhere is it lower.
          fc.pre(r.some((_, i) => other[i]! > 1e-6));
          expect(cost(r.map((_, i) => other[i]!))).toBeGreaterThanOrEqual(ce - 1e-9);
        },
      ),
    );
  });

  it('is what the objective ce(lambda) ranks by', () => {
    const g = normal(2);
    const samples = gaussianSamples(3, 4, () => ({ mean: g(), spread: Math.abs(g()) }));
    const scores = objectiveScores(samples, parseObjective('ce(lambda=4)'));
    scores.forEach((s, i) => {
      const row = samples.quantiles.subarray(i * 19, i * 19 + 19);
      const robust = -Math.log(row.reduce((a, q) => a + Math.exp(-4 * q), 0) / 19) / 4;
      expect(s).toBeCloseTo(robust, 6);
    });
  });
});

describe('bootstrap by prompt', () => {
  it('has the width of the standard error, with prompts and with groups of them', () => {
    for (const P of [60, 400, 3000]) {
      const g = normal(P);
      const x = Float64Array.from({ length: P }, () => 1 + 2 * g());
      const { value, low, high } = new PromptBootstrap(P).mean((p) => x[p]!);
      const mean = x.reduce((a, b) => a + b, 0) / P;
      const sd = Math.sqrt(x.reduce((a, b) => a + (b - mean) ** 2, 0) / (P - 1));
      expect(value).toBeCloseTo(mean, 10);
      const half = (1.96 * sd) / Math.sqrt(P);
      expect((high - low) / 2 / half).toBeGreaterThan(0.85);
      expect((high - low) / 2 / half).toBeLessThan(1.15);
    }
  });

  it('leaves prompts without a number out, and claims nothing of one prompt', () => {
    const some = new PromptBootstrap(10).mean((p) => (p < 5 ? Number.NaN : 3));
    expect(some).toEqual({ value: 3, low: 3, high: 3 });
    expect(new PromptBootstrap(1).mean(() => 2)).toEqual({ value: 2, low: NaN, high: NaN });
  });
});

describe('objectives', () => {
  it('are read from their names and write the same', async () => {
    const { objectiveName, parseObjectives } = await import('../../../server/src/policy/index.js');
    const names = [
      'mean',
      'q05',
      'q25',
      'q02.5',
      'cvar20',
      'ce(lambda=2)',
      'utility(lambda=0.5)',
      'attribute(safe)',
      'weights(safe=0.7,not-jailbroken=0.3)',
    ];
    expect(parseObjectives(names.join(',')).map(objectiveName)).toEqual(names);
    expect(parseObjective('ce(3)')).toEqual({ kind: 'ce', lambda: 3 });
    expect(parseObjective('q2.5')).toEqual({ kind: 'quantile', tau: 0.025 });
  });

  it('say what was expected of anything else', () => {
    for (const bad of [
      'men',
      'q',
      'q100',
      'ce()',
      'ce(lambda=-1)',
      'utility(lambda=0)',
      'attribute()',
      'weights(a)',
      '',
    ]) {
      expect(() => parseObjective(bad), bad).toThrow(/expected/);
    }
    const samples = gaussianSamples(1, 2, () => ({ mean: 0, spread: 1 }));
    expect(() => objectiveScores(samples, parseObjective('attribute(other)'))).toThrow(
      'the model has no attribute other; it has only',
    );
  });

  it('counts attributes and fixed weights by their means', () => {
    const base = gaussianSamples(1, 2, () => ({ mean: 0, spread: 1 }));
    const samples = {
      ...base,
      attributes: ['a', 'b'],
      attributeMeans: Float32Array.of(1, 2, 3, 5),
    };
    expect([...objectiveScores(samples, parseObjective('attribute(b)'))]).toEqual([2, 5]);
    expect([...objectiveScores(samples, parseObjective('weights(a=2,b=1)'))]).toEqual([4, 11]);
  });
});

it('has a figure for each name', () => {
  const samples = gaussianSamples(1, 1, () => ({ mean: 1, spread: 1 }));
  const row = [...figureMatrix(samples, 0.2, 1)];
  expect(row).toHaveLength(WIDTH);
  expect(row[FIGURES.indexOf('q05')]).toBeCloseTo(1 - 1.6448536, 5);
  expect(row[FIGURES.indexOf('below')]).toBeCloseTo(0.5, 5);
  expect(row[FIGURES.indexOf('tokens')]).toBe(10);
});
