import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  auroc,
  constantQuantiles,
  coverage,
  groupedFolds,
  judgeHead,
  quantileMiss,
  type RaterLabels,
  seeded,
  spearman,
  splitFold,
} from '../../../server/src/evaluation/statistics/index.js';
import { fitDesign } from '../../../server/src/training/regression/fit-design.js';
import { designIn, foldBasis, makeBasis } from '../../../server/src/training/regression/basis.js';
import {
  matrix,
  multiplyByTransposed,
  takeRows,
  type Matrix,
} from '../../../server/src/training/matrix/matrix.js';
import { oneBlock } from '../../../server/src/training/matrix/moments.js';
import {
  accuracy,
  fitGate,
  gateWeights,
} from '../../../server/src/training/regression/preferences.js';
import { products, features } from './matrices.js';

afterAll(() => products.release());

describe('a head', () => {
  const n = 150;
  const x = features(n, 6, 4);
  const random = seeded(5);
  /** Uniform noise of width 0.4 around a line: the tau quantile is line - 0.2 + 0.4 tau. */
  const labels = Array.from({ length: n }, (_, i) => {
    const line = 0.3 + 0.4 * (x.data[i * 6 + 3]! - 2.5);
    return Array.from({ length: 4 }, () => line - 0.2 + 0.4 * random());
  });
  const options = { levels: [0.1, 0.25, 0.5, 0.75, 0.9], l1: 1e-3 };
  const groups = labels.map((_, i) => String(i >> 1));

  async function fit(rows: Matrix, of: RaterLabels, o: typeof options): Promise<Matrix> {
    const basis = await makeBasis(oneBlock(rows), 0, 1, products);
    return foldBasis(
      await fitDesign(await designIn(rows, basis, products), of, o, products),
      basis,
    );
  }

  /** Every response by a head of the other folds. */
  async function crossValidated(of: RaterLabels, o: typeof options) {
    const folds = groupedFolds(groups, 3, 1);
    const quantiles = matrix(n, o.levels.length);
    for (let fold = 0; fold < 3; fold++) {
      const { train, test } = splitFold(folds, fold);
      const head = await fit(
        takeRows(x, train),
        train.map((i) => of[i]!),
        o,
      );
      const predicted = multiplyByTransposed(takeRows(x, test), head);
      const K = o.levels.length;
      test.forEach((i, at) =>
        quantiles.data.set(predicted.data.subarray(at * K, (at + 1) * K), i * K),
      );
    }
    return judgeHead('line', of, groups, quantiles, constantQuantiles(of, o.levels), o.levels);
  }

  it('finds the quantiles of a known distribution', async () => {
    const predicted = multiplyByTransposed(x, await fit(x, labels, options));
    options.levels.forEach((tau, k) => {
      let error = 0;
      for (let i = 0; i < n; i++) {
        const truth = 0.3 + 0.4 * (x.data[i * 6 + 3]! - 2.5) - 0.2 + 0.4 * tau;
        error += Math.abs(predicted.data[i * 5 + k]! - truth) / n;
      }
      expect(error).toBeLessThan(0.025);
    });
  });

  it('is calibrated and better than constants on prompts it was not fitted on', async () => {
    const figures = await crossValidated(labels, options);
    expect(figures.pinball).toBeLessThan(0.8 * figures.baseline);
    figures.coverage.forEach((c, k) => expect(Math.abs(c - options.levels[k]!)).toBeLessThan(0.06));
    expect(figures.rankCorrelation).toBeGreaterThan(0.7);
    expect(figures).toMatchObject({ responses: 150, labels: 600, prompts: 75, crossings: 0 });
  });

  it('gains nothing over constants on labels without relation to the text', async () => {
    const noise = labels.map(() => [random(), random()]);
    const { pinball, baseline } = await crossValidated(noise, { ...options, l1: 0.003 });
    expect(pinball).toBeGreaterThan(0.97 * baseline);
  });
});

describe('figures', () => {
  it('count the labels at or below each quantile', () => {
    const quantiles = matrix(2, 2, [0.25, 0.75, 0.5, 0.495]);
    expect(coverage([[0, 0.5], [0.5]], quantiles)).toEqual([2 / 3, 1]);
  });

  it('do not hold few distinct labels against a quantile', () => {
    // Seven labels of ten are 1, three are 0: the quantile at 0.25 is 0, at 0.5 it is 1.
    const labels = [[0, 0, 0, 1, 1, 1, 1, 1, 1, 1]];
    expect(coverage(labels, matrix(1, 2, [0, 1]))).toEqual([0.3, 1]);
    expect(quantileMiss(labels, matrix(1, 2, [0, 1]), [0.25, 0.5])).toBe(0);
    // Too high: 0.3 are below where 0.25 may be. Too low: 0.3 are covered where 0.5 must be.
    expect(quantileMiss(labels, matrix(1, 2, [0.6, 1]), [0.25, 0.5])).toBeCloseTo(0.05, 12);
    expect(quantileMiss(labels, matrix(1, 2, [0, 0.6]), [0.25, 0.5])).toBeCloseTo(0.2, 12);
  });

  it('is the largest miss of continuous labels', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 2 }), (ys) => {
        // No quantile is a label, so that both conditions together ask for equality.
        const q = ys.map((y) => y + 0.5);
        const at = q.length >> 1;
        const covered = ys.filter((y) => y < q[at]!).length / ys.length;
        expect(quantileMiss([ys], matrix(1, 1, [q[at]!]), [0.4])).toBeCloseTo(
          Math.abs(covered - 0.4),
          12,
        );
      }),
    );
  });

  it('correlate ranks, ties sharing theirs', () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 25, 1000])).toBeCloseTo(1, 12);
    // Ranks 0.5 0.5 2 against 0 1 2.
    expect(spearman([5, 5, 9], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(1.5 * 2), 12);
    expect(spearman([1, 1], [1, 2])).toBe(0);
  });

  it('measure the area under the ROC curve, every label a sample', () => {
    expect(auroc([0.9, 0.8, 0.1], [[1], [1], [0]], 1)).toBe(1);
    expect(auroc([0.5, 0.5], [[1], [0]], 1)).toBe(0.5);
    // Pairs (high, low): 0.9 > 0.4, 0.9 > 0.6, 0.6 > 0.4, and 0.6 ties with itself.
    expect(auroc([0.9, 0.6, 0.4], [[1], [1, 0], [0]], 1)).toBe(3.5 / 4);
  });

  it('count a tie as half right', () => {
    expect(accuracy({ chosen: [2, 1, 1, 0], rejected: [1, 1, 2, 1] })).toBe(1.5 / 4);
  });
});

describe('training the gate', () => {
  // Attribute 0 tells the better response where feature 1 is positive, attribute 1 elsewhere.
  const n = 200;
  const random = seeded(8);
  const at = matrix(n, 3);
  const chosenRewards = matrix(n, 2);
  const rejectedRewards = matrix(n, 2);
  for (let i = 0; i < n; i++) {
    const side = random() < 0.5 ? 1 : -1;
    at.data.set([5, side * (1 + random()), random() - 0.5], i * 3);
    const good = side > 0 ? 0 : 1;
    chosenRewards.data[2 * i + good] = 0.6;
    rejectedRewards.data[2 * i + good] = 0.4;
    // The other attribute misleads.
    chosenRewards.data[2 * i + 1 - good] = 0.45;
    rejectedRewards.data[2 * i + 1 - good] = 0.55;
  }
  const pairs = {
    chosen: at,
    rejected: at,
    chosenRewards,
    rejectedRewards,
    groups: Array.from({ length: n }, (_, i) => String(i)),
  };
  const options = {
    hidden: [8],
    temperature: 1,
    epochs: 120,
    batch: 64,
    learningRate: 3e-3,
    weightDecay: 1e-3,
    seed: 1,
  };

  async function train(o: typeof options & { patience?: number; routing?: number }, own?: Matrix) {
    const basis = await makeBasis(oneBlock(at), 0, 1, products);
    const design = await designIn(at, basis, products);
    const designed = { ...pairs, chosen: design, rejected: design, own };
    return fitGate(designed, basis, o, o.patience ? designed : undefined);
  }
  const share = (weights: Matrix): number => {
    let right = 0;
    for (let i = 0; i < n; i++) {
      const trusted = weights.data[2 * i]! > 0.5 ? 0 : 1;
      if (trusted === (at.data[3 * i + 1]! > 0 ? 0 : 1)) right++;
    }
    return right / n;
  };

  it('learns when to trust which attribute', async () => {
    const { layers, curve, bestEpoch } = await train(options);
    expect(share(gateWeights(layers, 1, at))).toBeGreaterThan(0.95);
    expect(curve).toHaveLength(120);
    expect(curve.at(-1)!.loss).toBeLessThan(curve[0]!.loss);
    expect(bestEpoch).toBe(120);
  });

  it('stops early and keeps the epoch with the best loss on the watched pairs', async () => {
    // A learning rate that overshoots: the loss rises again at some epoch.
    const { curve, bestEpoch } = await train({ ...options, learningRate: 0.5, patience: 3 });
    const losses = curve.map((e) => e.validation!.loss);
    expect(losses[bestEpoch - 1]).toBe(Math.min(...losses));
    expect(curve.length).toBeLessThanOrEqual(bestEpoch + 3);
  });

  it("moves its weights to the source's own attribute under a routing loss", async () => {
    // Against the Bradley-Terry loss: each pair's own attribute is the misleading one.
    const own = matrix(n, 2);
    for (let i = 0; i < n; i++) own.data[2 * i + (at.data[3 * i + 1]! > 0 ? 1 : 0)] = 1;
    const { layers } = await train({ ...options, routing: 50 }, own);
    expect(share(gateWeights(layers, 1, at))).toBeLessThan(0.05);
  });

  it('is the same for the same seed', async () => {
    const o = { ...options, epochs: 2 };
    expect(await train(o)).toEqual(await train(o));
  });
});
