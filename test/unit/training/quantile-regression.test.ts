import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import {
  constantQuantiles,
  coverage,
  meanPinball,
  labelWeights,
  pinball,
} from '../../../server/src/evaluation/statistics/index.js';
import { matrix, multiply, type Matrix } from '../../../server/src/training/matrix/matrix.js';
import {
  proximalMonotone,
  proximalPinball,
} from '../../../server/src/training/regression/pinball.js';
import { Products } from '../../../server/src/training/matrix/products.js';
import {
  fitQuantiles,
  quantileObjective,
} from '../../../server/src/training/regression/quantile-regression.js';

interface Reference {
  levels: number[];
  l1: number;
  x: number[][];
  labels: number[][];
  fits: { objective: number; weights: number[] }[];
}

// Made by reference/make.py: the same problem as a linear program, solved by HiGHS.
const reference = JSON.parse(
  readFileSync(new URL('reference/quantile-regression.json', import.meta.url), 'utf8'),
) as Reference;

const label = fc.integer({ min: 0, max: 8 }).map((n) => n / 8);
const level = fc.integer({ min: 1, max: 19 }).map((n) => n / 20);

describe('pinball loss', () => {
  it('is tau times what lies above and 1 - tau times what lies below', () => {
    expect(pinball(1, 0.25, 0.2)).toBeCloseTo(0.15, 12);
    expect(pinball(0.25, 1, 0.2)).toBeCloseTo(0.6, 12);
    expect(pinball(0.5, 0.5, 0.2)).toBe(0);
  });

  it('counts every rater as a sample', () => {
    const quantiles = matrix(2, 1, [0.5, 0.5]);
    expect(meanPinball([[1, 0, 0], [0.5]], quantiles, [0.5])).toBeCloseTo((3 * 0.25) / 4, 12);
  });

  it('has constant quantiles that no other constant beats', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(label, { minLength: 1, maxLength: 3 }), { minLength: 1 }),
        level,
        label,
        (labels, tau, other) => {
          const at = (q: number): number =>
            meanPinball(
              labels,
              matrix(
                labels.length,
                1,
                labels.map(() => q),
              ),
              [tau],
            );
          expect(at(constantQuantiles(labels, [tau])[0]!)).toBeLessThanOrEqual(at(other) + 1e-12);
        },
      ),
    );
  });

  it('has a proximal step that no other point beats', () => {
    const real = fc.double({ min: -2, max: 3, noNaN: true });
    fc.assert(
      fc.property(
        real,
        fc.array(label, { minLength: 1, maxLength: 4 }),
        level,
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        real,
        (v, labels, tau, weight, other) => {
          const sorted = [...labels].sort((a, b) => a - b);
          const at = (z: number): number =>
            labels.reduce((sum, y) => sum + weight * pinball(y, z, tau), (z - v) ** 2 / 2);
          const best = at(proximalPinball(v, sorted, tau, weight));
          for (const z of [other, v, ...labels]) expect(best).toBeLessThanOrEqual(at(z) + 1e-12);
        },
      ),
    );
  });

  it('has a monotone proximal step that no other ascending point beats', () => {
    const real = fc.double({ min: -2, max: 3, noNaN: true });
    const few = [0.1, 0.4, 0.5, 0.9];
    const four = fc.array(real, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(
        four,
        fc.array(label, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
        four,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (v, labels, weight, other, share) => {
          const sorted = [...labels].sort((a, b) => a - b);
          const at = (z: ArrayLike<number>): number =>
            few.reduce(
              (sum, tau, k) =>
                sum +
                (z[k]! - v[k]!) ** 2 / 2 +
                labels.reduce((s, y) => s + weight * pinball(y, z[k]!, tau), 0),
              0,
            );
          const best = Float64Array.from(v);
          proximalMonotone(best, sorted, few, weight);
          for (let k = 1; k < 4; k++) expect(best[k]).toBeGreaterThanOrEqual(best[k - 1]!);
          const ascending = [...other].sort((a, b) => a - b);
          // Near the best too: the set of ascending points is convex.
          const between = ascending.map((z, k) => best[k]! + share * (z - best[k]!));
          for (const z of [ascending, between]) {
            expect(at(best)).toBeLessThanOrEqual(at(z) + 1e-9);
          }
        },
      ),
    );
  });
});

describe('quantile regression', () => {
  const products = new Products(1);
  afterAll(() => products.release());
  const { levels, l1, labels, fits } = reference;
  const design = matrix(reference.x.length, reference.x[0]!.length, reference.x.flat());
  const options = { levels, l1, unpenalised: [0], maxIterations: 20000, tolerance: 1e-6 };

  it("reaches the linear program's optimum", async () => {
    const fit = await fitQuantiles(design, labels, options, products);
    expect(fit.converged).toBe(true);
    const optimum = fits.reduce((sum, f) => sum + f.objective, 0) / levels.length;
    const found = quantileObjective(design, labels, fit.weights, options);
    expect(found).toBeGreaterThan(optimum - 1e-9);
    expect(found).toBeLessThan(optimum + 1e-5);
  });

  it("is scikit-learn's QuantileRegressor: the same objective of each level within 1e-4", async () => {
    const path = new URL('reference/scikit-learn.json', import.meta.url);
    const { x, objectives, ...known } = JSON.parse(readFileSync(path, 'utf8')) as {
      levels: number[];
      l1: number;
      x: number[][];
      labels: number[];
      objectives: number[];
    };
    const rows = x.map((row) => [1, ...row]);
    const wide = matrix(rows.length, rows[0]!.length, rows.flat());
    const each = known.labels.map((y) => [y]);
    // As `qrm train` fits it: nothing is set for the test. Each level counts, the outermost have the least to lose.
    const problem = { levels: known.levels, l1: known.l1, unpenalised: [0] };
    const fit = await fitQuantiles(wide, each, problem, products);
    expect(fit.converged).toBe(true);
    const K = known.levels.length;
    for (const [k, level] of known.levels.entries()) {
      const one = matrix(wide.columns, 1);
      for (let j = 0; j < wide.columns; j++) one.data[j] = fit.weights.data[j * K + k]!;
      const found = quantileObjective(wide, each, one, { ...problem, levels: [level] });
      expect(Math.abs(found / objectives[k]! - 1)).toBeLessThan(1e-4);
    }
  });

  it('does not cross on the design where it must not, at the optimum of the linear program', async () => {
    const path = new URL('reference/monotone.json', import.meta.url);
    const known = JSON.parse(readFileSync(path, 'utf8')) as {
      levels: number[];
      l1: number;
      x: number[][];
      labels: number[];
      monotone: number;
      free: number;
    };
    const wide = matrix(known.x.length, known.x[0]!.length, known.x.flat());
    const each = known.labels.map((y) => [y]);
    for (const monotone of [false, true]) {
      const problem = {
        ...known,
        monotone,
        unpenalised: [0],
        maxIterations: 50000,
        tolerance: 1e-6,
      };
      const fit = await fitQuantiles(wide, each, problem, products);
      expect(fit.converged).toBe(true);
      const found = quantileObjective(wide, each, fit.weights, problem);
      expect(Math.abs(found / (monotone ? known.monotone : known.free) - 1)).toBeLessThan(1e-4);
      const predicted = multiply(wide, fit.weights);
      const K = known.levels.length;
      let crossed = 0;
      predicted.data.forEach((q, i) => {
        if (i % K > 0) crossed = Math.max(crossed, predicted.data[i - 1]! - q);
      });
      if (monotone) expect(crossed).toBeLessThan(1e-4);
      else expect(crossed).toBeGreaterThan(0.01);
    }
  });

  it('sets the weights to zero that the linear program does', async () => {
    const { weights } = await fitQuantiles(design, labels, options, products);
    fits.forEach((fit, k) =>
      fit.weights.forEach((w, j) => {
        if (w === 0) expect(Math.abs(weights.data[j * levels.length + k]!)).toBeLessThan(1e-9);
      }),
    );
    expect(fits.some((fit) => fit.weights.includes(0))).toBe(true);
  });

  it('counts responses alike where labels weigh by their number, as if each were repeated', async () => {
    // Raters of every second response are one: 1 and 2 labels, which 2 and 1 repetitions make alike.
    const few = labels.map((raters, i) => (i % 2 === 0 ? raters.slice(0, 1) : raters));
    expect(new Set(few.map((raters) => raters.length))).toEqual(new Set([1, 2]));
    const repeated = few.map((raters) => (raters.length === 1 ? [...raters, ...raters] : raters));
    const weights = labelWeights(few, true)!;
    expect(constantQuantiles(few, levels, weights)).toEqual(constantQuantiles(repeated, levels));
    const weighed = { ...options, weights };
    const fit = await fitQuantiles(design, few, weighed, products);
    const same = await fitQuantiles(design, repeated, options, products);
    const at = (w: Matrix): number => quantileObjective(design, repeated, w, options);
    expect(at(fit.weights) / at(same.weights)).toBeCloseTo(1, 5);
    expect(quantileObjective(design, few, fit.weights, weighed)).toBeCloseTo(at(fit.weights), 12);
    const predicted = multiply(design, fit.weights);
    coverage(few, predicted, weights).forEach((share, k) =>
      expect(share).toBeCloseTo(coverage(repeated, predicted)[k]!, 12),
    );
    // Unweighed it is another problem.
    const other = await fitQuantiles(design, few, options, products);
    expect(at(other.weights) / at(same.weights)).toBeGreaterThan(1.0001);
  });

  it('gives the empirical quantiles on a constant feature', async () => {
    const few = labels.slice(0, 10);
    const constant = matrix(10, 1, new Float64Array(10).fill(1));
    // Levels between the steps of the 20 labels, where the minimiser is unique.
    const between = [0.225, 0.525, 0.875];
    const fit = await fitQuantiles(constant, few, { ...options, levels: between, l1: 0 }, products);
    constantQuantiles(few, between).forEach((q, k) =>
      expect(fit.weights.data[k]).toBeCloseTo(q, 4),
    );
  });

  it('keeps nothing but the intercept under a large penalty', async () => {
    const fit = await fitQuantiles(design, labels, { ...options, l1: 10 }, products);
    expect([...fit.weights.data.subarray(levels.length)].every((w) => w === 0)).toBe(true);
    constantQuantiles(labels, levels).forEach((q, k) => {
      const at = (w: number): number =>
        meanPinball(
          labels,
          matrix(
            labels.length,
            1,
            labels.map(() => w),
          ),
          [levels[k]!],
        );
      expect(at(fit.weights.data[k]!)).toBeCloseTo(at(q), 4);
    });
  });
});
