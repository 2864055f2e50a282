import { spearman } from '../../evaluation/statistics/index.js';
import { matrix, type Matrix } from '../matrix/matrix.js';

/** ArmoRM's penalties (Wang et al. 2024, section 3.2; the values are those of its training code). */
export const PENALTIES = [
  0, 0.01, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6,
  0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95,
];
export const MAX_CORRELATION = 0.03;

export interface VerbosityFit {
  /** T [M, M]: adjusted_n = sum_m raw_m T[m, n]; row `verbosity` holds the penalties. */
  readonly transform: Float32Array;
  /** Of each attribute; 1 for the verbosity attribute itself, which adjusts to nothing. */
  readonly penalties: readonly number[];
  /** Spearman's correlation with the verbosity attribute, before and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The verbosity adjustment: from each attribute the smallest multiple of the verbosity attribute is taken
 * at which their rank correlation is MAX_CORRELATION or less; the largest where none suffices.
 * @param rewards expectations [n, M] on reference responses
 * @param verbosity index of the verbosity attribute
 */
export function fitVerbosity(rewards: Matrix, verbosity: number): VerbosityFit {
  const { rows: n, columns: M, data } = rewards;
  const column = (m: number): number[] => Array.from({ length: n }, (_, i) => data[i * M + m]!);
  const length = column(verbosity);
  const transform = matrix(M, M);
  const penalties: number[] = [];
  const before: number[] = [];
  const after: number[] = [];
  for (let m = 0; m < M; m++) {
    transform.data[m * M + m] = 1;
    if (m === verbosity) {
      penalties.push(1);
      before.push(1);
      after.push(0);
      continue;
    }
    const own = column(m);
    const correlation = (penalty: number): number =>
      spearman(
        own.map((x, i) => x - penalty * length[i]!),
        length,
      );
    before.push(correlation(0));
    const penalty = PENALTIES.find((p) => correlation(p) <= MAX_CORRELATION) ?? PENALTIES.at(-1)!;
    penalties.push(penalty);
    after.push(correlation(penalty));
  }
  penalties.forEach((p, m) => (transform.data[verbosity * M + m]! -= p));
  return { transform: Float32Array.from(transform.data), penalties, before, after };
}
