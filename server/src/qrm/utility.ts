/**
 * Risk-aware utility U = E[-exp(-lambda r)] ~ (1/K) sum_k -exp(-lambda Q(tau_k)) (the risk-aware
 * objective of Dorka 2024: constant absolute risk aversion). Below 0; -Infinity where exp overflows: rank and show the
 * certainty equivalent instead, which never does.
 * @param lambda risk aversion in 1 / reward
 */
export function utility(quantiles: ArrayLike<number>, lambda: number): number {
  let sum = 0;
  for (let k = 0; k < quantiles.length; k++) sum -= Math.exp(-lambda * (quantiles[k] as number));
  return sum / quantiles.length;
}

/**
 * The sure reward of the same utility, CE = -log(-U) / lambda, in the reward's unit. lambda = 0 gives
 * the mean, lambda -> infinity the lowest quantile; a negative lambda seeks risk. Computed as
 * r* - log1p(mean(expm1(-lambda (r - r*)))) / lambda with r* the term that dominates: no overflow for
 * large lambda, no cancellation for small.
 */
export function certaintyEquivalent(quantiles: ArrayLike<number>, lambda: number): number {
  const K = quantiles.length;
  let dominant = quantiles[0] ?? Number.NaN;
  let sum = 0;
  for (let k = 0; k < K; k++) {
    const r = quantiles[k] as number;
    sum += r;
    dominant = lambda >= 0 ? Math.min(dominant, r) : Math.max(dominant, r);
  }
  if (lambda === 0) return sum / K;
  let mean = 0;
  for (let k = 0; k < K; k++) mean += Math.expm1(-lambda * ((quantiles[k] as number) - dominant));
  return dominant - Math.log1p(mean / K) / lambda;
}
