/** The levels tau_k = k/(K+1), k = 1..K, at which the published QRMs predict (Dorka 2024). */
export function uniformLevels(K: number): number[] {
  return Array.from({ length: K }, (_, k) => (k + 1) / (K + 1));
}

/**
 * Checks levels read from a file; every other function of this folder takes them as checked.
 * @throws RangeError unless they are one or more numbers in (0, 1), strictly ascending.
 */
export function checkLevels(levels: readonly number[]): void {
  if (levels.length === 0)
    throw new RangeError('quantile levels: none given, expected at least one');
  levels.forEach((tau, k) => {
    if (!(tau > 0 && tau < 1 && tau > (levels[k - 1] ?? 0))) {
      throw new RangeError(
        `quantile levels: number ${k} is ${tau}, expected ascending levels between 0 and 1`,
      );
    }
  });
}
