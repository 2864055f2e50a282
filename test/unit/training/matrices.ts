import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { matrix, type Matrix } from '../../../server/src/training/matrix/matrix.js';
import { Products } from '../../../server/src/training/matrix/products.js';

export const products = new Products(1);

/** Features with one nearly constant column, as a backbone's final norm leaves them. */
export function features(n: number, p: number, seed: number): Matrix {
  const random = seeded(seed);
  const out = matrix(n, p);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      out.data[i * p + j] = j === 0 ? 40 + 0.02 * random() : 10 ** (j % 3) * (random() - 0.5 + j);
    }
  }
  return out;
}

/** In plain loops: a^T a / divisor + ridge * I. */
export function gram(a: Matrix, divisor = 1, ridge = 0): Matrix {
  const p = a.columns;
  const out = matrix(p, p);
  for (let r = 0; r < a.rows; r++) {
    const row = r * p;
    for (let i = 0; i < p; i++) {
      const x = a.data[row + i]! / divisor;
      const to = i * p;
      for (let j = 0; j <= i; j++) out.data[to + j]! += x * a.data[row + j]!;
    }
  }
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < i; j++) out.data[j * p + i] = out.data[i * p + j]!;
    out.data[i * p + i]! += ridge;
  }
  return out;
}
