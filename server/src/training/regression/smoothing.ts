import { matrix, type Matrix } from '../matrix/matrix.js';

/**
 * Smooths weights across neighbouring levels: each level's weights become the value at its place of a
 * straight line fitted to all levels' weights with Gaussian weights of `bandwidth` levels (local linear
 * regression, Fan & Gijbels 1996, section 2.2; straight lines at the edges stay as they are). Levels are
 * fitted independently of one another, so that noise makes their curves cross; this takes it out, and
 * predictions stay linear in the features.
 * @param weights [columns, K], levels equally spaced
 * @param bandwidth in levels; 0 leaves the weights as they are
 */
export function smoothLevels(weights: Matrix, bandwidth: number): Matrix {
  if (bandwidth === 0 || weights.columns < 3) return weights;
  const K = weights.columns;
  const out = matrix(weights.rows, K);
  for (let k = 0; k < K; k++) {
    const kernel = localLinear(K, k, bandwidth);
    for (let j = 0; j < weights.rows; j++) {
      let sum = 0;
      for (let i = 0; i < K; i++) sum += kernel[i]! * weights.data[j * K + i]!;
      out.data[j * K + k] = sum;
    }
  }
  return out;
}

/** Weights of 0..K-1 in the local linear estimate at `k`: they sum to 1 and their first moment is 0. */
function localLinear(K: number, k: number, bandwidth: number): number[] {
  const gauss = Array.from({ length: K }, (_, i) => Math.exp(-0.5 * ((i - k) / bandwidth) ** 2));
  const moment = (power: number): number =>
    gauss.reduce((sum, g, i) => sum + g * (i - k) ** power, 0);
  const [s0, s1, s2] = [moment(0), moment(1), moment(2)];
  return gauss.map((g, i) => (g * (s2 - (i - k) * s1)) / (s0 * s2 - s1 * s1));
}
