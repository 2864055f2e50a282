import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coverage,
  crossValidate,
  fitHead,
  quantileMiss,
  spearman,
} from '../../../server/src/training/evaluate.js';
import {
  designOf,
  foldWeights,
  interceptError,
  standardise,
} from '../../../server/src/training/intercept.js';
import {
  cholesky,
  gram,
  matrix,
  multiply,
  multiplyByTransposed,
  multiplyTransposed,
  solveCholesky,
  type Matrix,
} from '../../../server/src/training/matrix.js';
import {
  accuracy,
  fitGate,
  gateWeights,
  trainAndJudgeGate,
} from '../../../server/src/training/preferences.js';
import { seeded } from '../../../server/src/training/random.js';

/** Features with one nearly constant column, as a backbone's final norm leaves them. */
function features(n: number, p: number, seed: number): Matrix {
  const random = seeded(seed);
  const out = matrix(n, p);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      out.data[i * p + j] = j === 0 ? 40 + 0.02 * random() : 10 ** (j % 3) * (random() - 0.5 + j);
    }
  }
  return out;
}

describe('matrix kernels', () => {
  const entry = fc.double({ min: -3, max: 3, noNaN: true });
  const of = (rows: number, columns: number): fc.Arbitrary<Matrix> =>
    fc
      .array(entry, { minLength: rows * columns, maxLength: rows * columns })
      .map((data) => matrix(rows, columns, data));
  const naive = (a: Matrix, b: Matrix): number[] =>
    Array.from({ length: a.rows * b.columns }, (_, at) => {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) {
        sum +=
          a.data[Math.floor(at / b.columns) * a.columns + k]! *
          b.data[k * b.columns + (at % b.columns)]!;
      }
      return sum;
    });
  const transpose = (a: Matrix): Matrix =>
    matrix(
      a.columns,
      a.rows,
      Array.from(
        { length: a.data.length },
        (_, at) => a.data[(at % a.rows) * a.columns + Math.floor(at / a.rows)]!,
      ),
    );
  const close = (a: ArrayLike<number>, b: readonly number[]): void =>
    b.forEach((x, i) => expect(a[i]).toBeCloseTo(x, 9));

  it('multiply as the definition says', () => {
    fc.assert(
      fc.property(of(3, 4), of(4, 2), of(3, 2), (a, b, c) => {
        close(multiply(a, b).data, naive(a, b));
        close(multiplyTransposed(a, c).data, naive(transpose(a), c));
        close(multiplyByTransposed(a, transpose(b)).data, naive(a, b));
      }),
    );
  });

  it('solve positive definite systems', () => {
    fc.assert(
      fc.property(of(5, 4), of(4, 2), (a, b) => {
        const system = gram(a, 1, 0.5);
        const x = matrix(4, 2, b.data);
        solveCholesky(cholesky(system), x);
        close(multiply(system, x).data, [...b.data]);
      }),
    );
  });

  it('refuse what is not positive definite', () => {
    expect(() => cholesky(matrix(2, 2, [1, 2, 2, 1]))).toThrow(/pivot 1/);
    expect(() => multiply(matrix(2, 3), matrix(2, 3))).toThrow(/inner sizes 3 and 2/);
  });
});

describe('the intercept', () => {
  const x = features(60, 6, 1);
  const s = standardise(x);

  it('is found in features that have a nearly constant direction', () => {
    // No other column is within 5 % of its mean; the ridge costs some of the constant one's 0.02 %.
    expect(interceptError(x, s)).toBeLessThan(0.02);
    expect(interceptError(features(60, 6, 2), s)).toBeLessThan(0.02);
  });

  it('leaves standardised columns of unit size, orthogonal to it', () => {
    const design = designOf(x, s);
    const products = gram(design, x.rows);
    for (let j = 1; j < design.columns; j++) {
      expect(products.data[j]).toBeCloseTo(0, 8);
      expect(products.data[j * design.columns + j]).toBeCloseTo(1, 8);
    }
  });

  it('folds into weights without bias that predict the same, on new features too', () => {
    const weights = matrix(
      7,
      2,
      Array.from({ length: 14 }, (_, i) => Math.sin(i)),
    );
    const other = features(20, 6, 3);
    const direct = multiply(designOf(other, s), weights);
    multiplyByTransposed(other, foldWeights(weights, s)).data.forEach((q, i) =>
      expect(q).toBeCloseTo(direct.data[i]!, 8),
    );
  });
});

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

  it('finds the quantiles of a known distribution', () => {
    const predicted = multiplyByTransposed(x, fitHead(x, labels, options));
    options.levels.forEach((tau, k) => {
      let error = 0;
      for (let i = 0; i < n; i++) {
        const truth = 0.3 + 0.4 * (x.data[i * 6 + 3]! - 2.5) - 0.2 + 0.4 * tau;
        error += Math.abs(predicted.data[i * 5 + k]! - truth) / n;
      }
      expect(error).toBeLessThan(0.025);
    });
  });

  it('is calibrated and better than constants on prompts it was not fitted on', () => {
    const figures = crossValidate(
      { name: 'line', features: x, labels, groups },
      { ...options, folds: 3, seed: 1 },
    );
    expect(figures.pinball).toBeLessThan(0.8 * figures.baseline);
    figures.coverage.forEach((c, k) => expect(Math.abs(c - options.levels[k]!)).toBeLessThan(0.06));
    expect(figures.rankCorrelation).toBeGreaterThan(0.7);
    expect(figures).toMatchObject({ responses: 150, labels: 600, prompts: 75, crossings: 0 });
  });

  it('gains nothing over constants on labels without relation to the text', () => {
    const noise = labels.map(() => [random(), random()]);
    const { pinball, baseline } = crossValidate(
      { name: 'noise', features: x, labels: noise, groups },
      { ...options, l1: 0.003, folds: 3, seed: 1 },
    );
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

  it('learns when to trust which attribute', () => {
    const weights = gateWeights(fitGate(pairs, options), 1, at);
    let right = 0;
    for (let i = 0; i < n; i++) {
      const trusted = weights.data[2 * i]! > 0.5 ? 0 : 1;
      if (trusted === (at.data[3 * i + 1]! > 0 ? 0 : 1)) right++;
    }
    expect(right / n).toBeGreaterThan(0.95);
  });

  it('is judged on pairs that it was not trained on', () => {
    const { figures, heldOut } = trainAndJudgeGate(pairs, 4, options);
    expect(figures.heldOutPairs).toBe(heldOut.length);
    expect(figures.trainPairs + figures.heldOutPairs).toBe(n);
    expect(figures.crossFitted).toBeGreaterThan(0.9);
    // Equal weights: 0.5 * 0.2 - 0.5 * 0.1 is right always; one attribute alone about half the time.
    expect(figures.equalWeights).toBe(1);
    const [a, b] = figures.attributes;
    expect(a! + b!).toBeCloseTo(1, 12);
  });

  it('is the same for the same seed', () => {
    expect(fitGate(pairs, { ...options, epochs: 2 })).toEqual(
      fitGate(pairs, { ...options, epochs: 2 }),
    );
  });
});
