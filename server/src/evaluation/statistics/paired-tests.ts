/** log n!, exact sums up to a table's size, Stirling's series beyond (error below 1e-12). */
const LOG_FACTORIALS: number[] = [0];
export function logFactorial(n: number): number {
  if (n < 1024) {
    for (let i = LOG_FACTORIALS.length; i <= n; i++)
      LOG_FACTORIALS.push(LOG_FACTORIALS[i - 1]! + Math.log(i));
    return LOG_FACTORIALS[n]!;
  }
  return (
    (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * n) - 1 / (360 * n ** 3)
  );
}

/**
 * McNemar's exact test: p of a split as uneven as this of the pairs on which two models differ, when either is as
 * likely to be the right one (two-sided binomial, McNemar 1947). 1 where they never differ.
 * @param onlyFirst pairs that only the first model gets right
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  const k = Math.min(onlyFirst, onlySecond);
  let p = 0;
  for (let i = 0; i <= k; i++)
    p += Math.exp(logFactorial(n) - logFactorial(i) - logFactorial(n - i) - n * Math.LN2);
  return n === 0 ? 1 : Math.min(1, 2 * p);
}

/**
 * Holm's step-down correction (Holm 1979): adjusted p of each test of a family, in the order given. NaN are no
 * tests and stay NaN.
 */
export function holm(p: readonly number[]): number[] {
  const order = p.map((_, i) => i).filter((i) => !Number.isNaN(p[i]!));
  order.sort((a, b) => p[a]! - p[b]!);
  const out = p.map(() => Number.NaN);
  let most = 0;
  order.forEach((i, rank) => {
    most = Math.max(most, Math.min(1, (order.length - rank) * p[i]!));
    out[i] = most;
  });
  return out;
}
