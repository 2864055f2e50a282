import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import {
  designIn,
  designOfBlocks,
  foldBasis,
  makeBasis,
} from '../../../server/src/training/regression/basis.js';
import {
  designOf,
  foldWeights,
  interceptError,
  standardise,
  type Standardisation,
} from '../../../server/src/training/matrix/intercept.js';
import {
  cholesky,
  matrix,
  multiply,
  multiplyByTransposed,
  multiplyTransposed,
  inverse,
  solveCholesky,
  takeRows,
  type Matrix,
} from '../../../server/src/training/matrix/matrix.js';
import {
  momentsOf,
  oneBlock,
  type RowBlocks,
} from '../../../server/src/training/matrix/moments.js';
import { gram, products, features } from './matrices.js';

afterAll(() => products.release());

const close = (a: ArrayLike<number>, b: readonly number[]): void =>
  b.forEach((x, i) => expect(a[i]).toBeCloseTo(x, 9));

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

  it('agree with those of ONNX Runtime, in float64 and within rounding in float32', async () => {
    const a = features(50, 7, 9);
    const b = matrix(7, 3, features(7, 3, 10).data);
    const c = matrix(50, 3, features(50, 3, 11).data);
    close((await products.multiply(a, b)).data, naive(a, b));
    close((await products.multiplyTransposed(a, c)).data, naive(transpose(a), c));
    close((await products.gram(a, 2)).data, [...gram(a, 1, 2).data]);
    const half = { ...a, data: Float32Array.from(a.data) };
    (await products.multiply(half, b)).data.forEach((x, i) => {
      const exact = naive(a, b)[i]!;
      expect(Math.abs(x - exact)).toBeLessThan(1e-5 * Math.max(1, Math.abs(exact)));
    });
  });

  it('invert positive definite systems', () => {
    fc.assert(
      fc.property(of(5, 4), (a) => {
        const system = gram(a, 1, 0.5);
        multiply(system, inverse(system)).data.forEach((x, i) =>
          expect(x).toBeCloseTo(i % 5 === 0 ? 1 : 0, 8),
        );
      }),
    );
  });

  it('are inverted by halves where they are large', async () => {
    const n = 501;
    // As quantile regression has them: a few directions above all others, and a ridge by their mean.
    const random = seeded(3);
    const a = matrix(n + 20, n);
    for (let i = 0; i < a.data.length; i++) {
      a.data[i] = random() - 0.5 + (i % n < 4 ? 30 * random() : 0);
    }
    const bare = gram(a);
    let trace = 0;
    for (let j = 0; j < n; j++) trace += bare.data[j * n + j]!;
    const system = gram(a, 1, (0.3 * trace) / n);
    const found = await products.inverse(system);
    multiply(system, found).data.forEach((x, i) => {
      if (Math.abs(x - (i % (n + 1) === 0 ? 1 : 0)) > 1e-7) expect(x).toBe(i);
    });
    await expect(products.inverse(matrix(n, n))).rejects.toThrow(/pivot 0/);
  });

  it('refuse what is not positive definite', () => {
    expect(() => cholesky(matrix(2, 2, [1, 2, 2, 1]))).toThrow(/pivot 1/);
    expect(() => multiply(matrix(2, 3), matrix(2, 3))).toThrow(/inner sizes 3 and 2/);
  });
});

describe('the intercept', () => {
  const x = features(60, 6, 1);
  let s: Standardisation;
  beforeAll(async () => {
    s = standardise(await momentsOf(oneBlock(x), products));
  });

  it('is found in features that have a nearly constant direction', () => {
    // No other column is within 5 % of its mean; the ridge costs some of the constant one's 0.02 %.
    expect(interceptError(x, s)).toBeLessThan(0.02);
    expect(interceptError(features(60, 6, 2), s)).toBeLessThan(0.02);
  });

  it('leaves standardised columns of unit size, orthogonal to it', () => {
    const design = designOf(x, s);
    const moments = gram(design, x.rows);
    for (let j = 1; j < design.columns; j++) {
      expect(moments.data[j]).toBeCloseTo(0, 8);
      expect(moments.data[j * design.columns + j]).toBeCloseTo(1, 8);
    }
  });

  it('leaves a column that it holds wholly at 0, not at rounding', async () => {
    const twice = matrix(
      40,
      2,
      Array.from({ length: 80 }, (_, i) => (i % 2 === 0 ? 3 : 7e5)),
    );
    const found = standardise(await momentsOf(oneBlock(twice), products));
    designOf(twice, found).data.forEach((v, i) => {
      if (i % 3 !== 0) expect(Math.abs(v)).toBeLessThan(1e-6);
    });
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

describe('principal components', () => {
  // Two directions of large variance among small ones.
  const n = 80;
  const random = seeded(12);
  const x = matrix(n, 5);
  for (let i = 0; i < n; i++) {
    const [a, b] = [3 * (random() - 0.5), random() - 0.5];
    x.data.set([10, a + b, a - b, a + 0.01 * random(), b + 0.01 * random()], i * 5);
  }

  it('are the leading eigenvectors: orthogonal columns, the first at the scale', async () => {
    const basis = await makeBasis(oneBlock(x), 2, 0.5, products);
    const design = await designIn(x, basis, products);
    const moments = gram(design, n);
    expect(moments.data[1 * 3 + 1]).toBeCloseTo(0.25, 6);
    expect(moments.data[1 * 3 + 2]).toBeCloseTo(0, 6);
    expect(moments.data[2 * 3 + 2]!).toBeLessThan(0.25);
  });

  it('are the same of rows that come block by block', async () => {
    const blocks: RowBlocks = {
      ...x,
      blocks: () => [
        takeRows(x, [...Array(33).keys()]),
        takeRows(
          x,
          [...Array(47).keys()].map((i) => 33 + i),
        ),
      ],
    };
    const [whole, parts] = [
      await makeBasis(oneBlock(x), 2, 1, products),
      await makeBasis(blocks, 2, 1, products),
    ];
    close(parts.rotation!.data, [...whole.rotation!.data]);
    const design = await designIn(x, whole, products);
    close((await designOfBlocks(blocks, whole, products)).data, [...design.data]);
  });

  it('fold into weights of the raw features that predict the same', async () => {
    const basis = await makeBasis(oneBlock(x), 2, 0.5, products);
    const weights = matrix(3, 2, [0.3, -1, 2, 0.5, 1, 4]);
    const direct = multiply(await designIn(x, basis, products), weights);
    multiplyByTransposed(x, foldBasis(weights, basis)).data.forEach((q, i) =>
      expect(q).toBeCloseTo(direct.data[i]!, 8),
    );
  });
});
