import { cholesky, gram, matrix, solveCholesky, type Matrix } from './matrix.js';

/**
 * Standardised features that remain a linear function of the raw ones, so that weights fitted on them
 * fold into the published layout, which has no bias: a direction c with c.x near 1 for every
 * conversation plays the intercept. Column 0 is one(x) = c.x; column 1+j is
 * (x_j - mean_j one(x)) / scale_j.
 */
export interface Standardisation {
  /** c, length `hidden`. */
  readonly direction: Float64Array;
  readonly mean: Float64Array;
  readonly scale: Float64Array;
}

/** The column of the design that is the intercept. */
export const INTERCEPT = 0;

/** Ridge on features of unit mean square: keeps c to directions that are constant on new text too. */
const RIDGE = 1e-3;

/**
 * @param features [n, hidden]
 * @param deviation the standard deviation of the design's columns
 */
export function standardise(features: Matrix, deviation = 1): Standardisation {
  const { rows: n, columns: p, data } = features;
  const size = new Float64Array(p);
  for (let i = 0; i < data.length; i++) size[i % p]! += data[i]! ** 2 / n;
  for (let j = 0; j < p; j++) size[j] = Math.sqrt(size[j]!) || 1;
  const unit = matrix(n, p, data);
  const sum = matrix(p, 1);
  for (let i = 0; i < data.length; i++) {
    unit.data[i]! /= size[i % p]!;
    sum.data[i % p]! += unit.data[i]! / n;
  }
  // Least squares of the constant 1: (X^T X / n + ridge) c = X^T 1 / n.
  solveCholesky(cholesky(gram(unit, n, RIDGE)), sum);
  const direction = sum.data.map((c, j) => c / size[j]!);

  // The ridge shortens c; its scale is set by least squares again.
  const one = apply(features, direction);
  const longer = one.reduce((a, o) => a + o, 0) / one.reduce((a, o) => a + o * o, 0);
  for (let j = 0; j < p; j++) direction[j]! *= longer;
  for (let i = 0; i < n; i++) one[i]! *= longer;
  const mean = new Float64Array(p);
  const scale = new Float64Array(p);
  const square = one.reduce((total, o) => total + o * o, 0);
  for (let i = 0; i < data.length; i++) {
    mean[i % p]! += (data[i]! * one[Math.floor(i / p)]!) / square;
  }
  for (let i = 0; i < data.length; i++) {
    scale[i % p]! += (data[i]! - mean[i % p]! * one[Math.floor(i / p)]!) ** 2 / n;
  }
  for (let j = 0; j < p; j++) scale[j] = Math.sqrt(scale[j]!) / deviation || 1;
  return { direction, mean, scale };
}

function apply(features: Matrix, direction: Float64Array): Float64Array {
  const p = features.columns;
  const out = new Float64Array(features.rows);
  for (let i = 0; i < features.data.length; i++) {
    out[Math.floor(i / p)]! += features.data[i]! * direction[i % p]!;
  }
  return out;
}

/** How far one(x) strays from 1: its root mean square error. Near 0, or the heads lack an intercept. */
export function interceptError(features: Matrix, { direction }: Standardisation): number {
  const one = apply(features, direction);
  return Math.sqrt(one.reduce((sum, o) => sum + (o - 1) ** 2, 0) / one.length);
}

/** The design [n, 1 + hidden] of raw features [n, hidden]. */
export function designOf(features: Matrix, { direction, mean, scale }: Standardisation): Matrix {
  const p = features.columns;
  const one = apply(features, direction);
  const out = matrix(features.rows, p + 1);
  for (let i = 0; i < features.rows; i++) {
    out.data[i * (p + 1)] = one[i]!;
    for (let j = 0; j < p; j++) {
      out.data[i * (p + 1) + 1 + j] = (features.data[i * p + j]! - mean[j]! * one[i]!) / scale[j]!;
    }
  }
  return out;
}

/**
 * Weights of the design, [1 + hidden, K], as weights of the raw features in the published layout,
 * [K, hidden]: the same predictions exactly.
 */
export function foldWeights(weights: Matrix, { direction, mean, scale }: Standardisation): Matrix {
  const K = weights.columns;
  const p = weights.rows - 1;
  const out = matrix(K, p);
  for (let k = 0; k < K; k++) {
    let intercept = weights.data[INTERCEPT * K + k]!;
    for (let j = 0; j < p; j++) {
      intercept -= (weights.data[(1 + j) * K + k]! * mean[j]!) / scale[j]!;
    }
    for (let j = 0; j < p; j++) {
      out.data[k * p + j] = weights.data[(1 + j) * K + k]! / scale[j]! + intercept * direction[j]!;
    }
  }
  return out;
}
