import {
  cholesky,
  matrix,
  multiply,
  solveCholesky,
  type FloatMatrix,
  type Matrix,
} from './matrix.js';
import type { Moments } from './moments.js';

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

/** A column with less of its mean square left than this beside the intercept is rounding. */
const NOTHING = 1e-12;

/**
 * Of features by their moments alone, so that they are read once and need not fit in memory.
 * @param deviation the standard deviation of the design's columns
 */
export function standardise({ gram: G, mean: m }: Moments, deviation = 1): Standardisation {
  const p = m.length;
  const size = Float64Array.from(m, (_, j) => Math.sqrt(G.data[j * p + j]!) || 1);
  const unit = matrix(p, p);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < p; j++) {
      unit.data[i * p + j] = G.data[i * p + j]! / (size[i]! * size[j]!);
    }
    unit.data[i * p + i]! += RIDGE;
  }
  // Least squares of the constant 1: (X^T X / n + ridge) c = X^T 1 / n.
  const sum = matrix(
    p,
    1,
    m.map((x, j) => x / size[j]!),
  );
  solveCholesky(cholesky(unit), sum);
  const direction = sum.data.map((c, j) => c / size[j]!);

  // The ridge shortens c; its scale is set by least squares again.
  const one = { rows: p, columns: 1, data: direction };
  const short = multiply(G, one).data;
  const square = short.reduce((total, g, j) => total + g * direction[j]!, 0);
  const longer = m.reduce((total, x, j) => total + x * direction[j]!, 0) / square;
  for (let j = 0; j < p; j++) direction[j]! *= longer;

  // The columns' products with one(x), and what is left of them beside it.
  const shares = short.map((g) => g * longer);
  const whole = square * longer * longer;
  const scale = new Float64Array(p);
  for (let j = 0; j < p; j++) {
    const own = G.data[j * p + j]!;
    const left = own - shares[j]! ** 2 / whole;
    scale[j] = left > NOTHING * own ? Math.sqrt(left) / deviation : 1;
  }
  return { direction, mean: shares.map((g) => g / whole), scale };
}

/** X^T X / n of the standardised columns, the intercept left out: [hidden, hidden]. */
export function standardisedGram(
  { gram: G }: Moments,
  { direction, mean, scale }: Standardisation,
): Matrix {
  const p = scale.length;
  const shares = multiply(G, { rows: p, columns: 1, data: direction }).data;
  const out = matrix(p, p);
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < p; j++) {
      out.data[i * p + j] = (G.data[i * p + j]! - mean[i]! * shares[j]!) / (scale[i]! * scale[j]!);
    }
  }
  return out;
}

function apply(features: Matrix | FloatMatrix, direction: Float64Array): Float64Array {
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
export function designOf(
  features: Matrix | FloatMatrix,
  { direction, mean, scale }: Standardisation,
): Matrix {
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
