/**
 * The sum as NumPy's `add.reduce` takes it over a contiguous float64 array: pairwise, in blocks of 128 with eight
 * running sums (numpy/core/src/umath/loops_utils.h.src, `pairwise_sum`). Means equal NumPy's to the last digit.
 */
function pairwiseSum(x: ArrayLike<number>, from: number, n: number): number {
  if (n < 8) {
    let sum = -0;
    for (let i = 0; i < n; i++) sum += x[from + i]!;
    return sum;
  }
  if (n <= 128) {
    const r = Float64Array.from({ length: 8 }, (_, k) => x[from + k]!);
    let i = 8;
    for (; i < n - (n % 8); i += 8) for (let k = 0; k < 8; k++) r[k]! += x[from + i + k]!;
    let sum = r[0]! + r[1]! + (r[2]! + r[3]!) + (r[4]! + r[5]! + (r[6]! + r[7]!));
    for (; i < n; i++) sum += x[from + i]!;
    return sum;
  }
  let half = Math.floor(n / 2);
  half -= half % 8;
  return pairwiseSum(x, from, half) + pairwiseSum(x, from + half, n - half);
}

/** The mean, equal to `numpy.mean` of a float64 array; NaN of none. */
export const numpyMean = (x: ArrayLike<number>): number =>
  x.length === 0 ? Number.NaN : pairwiseSum(x, 0, x.length) / x.length;
