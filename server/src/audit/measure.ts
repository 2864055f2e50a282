import type { RewardScore } from '../qrm/types.js';

/** How a distribution is read: DESIGN.md, "The model". */
export interface MeasureOptions {
  /** Level of the left tail (0.05: q05 and the CVaR of the lowest 5 %). */
  readonly tau: number;
  /** Risk aversion of the certainty equivalent, in 1 / reward. */
  readonly lambda: number;
  /** Fixed attribute weights, length M, in place of the gate. */
  readonly weights?: readonly number[];
}

/** The numbers of one response that the audit keeps. All in the reward's unit but `modes`. */
export interface Measures {
  /** The rearranged (sorted) quantiles, length K. */
  readonly sorted: Float32Array;
  readonly expectation: number;
  readonly tail: number;
  readonly cvar: number;
  /** q95 - q05: the width of the middle 90 %. */
  readonly spread: number;
  readonly certaintyEquivalent: number;
  readonly modes: number;
}

/** Q(tau_k) = sum_m w_m adjusted[m,k]; the gate's own mixture when no weights are given. */
export function mixture(score: RewardScore, weights?: readonly number[]): Float32Array {
  if (weights === undefined) return score.quantiles;
  const K = score.quantiles.length;
  return Float32Array.from({ length: K }, (_, k) =>
    weights.reduce((sum, w, m) => sum + w * (score.attributeQuantiles[m * K + k] ?? 0), 0),
  );
}

/** Quantile at `level` by linear interpolation over levels k/(K+1); flat beyond the outer levels. */
export function quantileAt(sorted: ArrayLike<number>, level: number): number {
  const K = sorted.length;
  const at = Math.min(Math.max(level * (K + 1) - 1, 0), K - 1);
  const low = Math.floor(at);
  const a = sorted[low] ?? Number.NaN;
  const b = sorted[Math.min(low + 1, K - 1)] ?? a;
  return a + (b - a) * (at - low);
}

/** F(x) by the inverse interpolation; 0 and 1 beyond the outer quantiles. */
export function cdf(sorted: ArrayLike<number>, x: number): number {
  const K = sorted.length;
  if (x < (sorted[0] ?? 0)) return 0;
  for (let k = 1; k < K; k++) {
    const b = sorted[k] ?? 0;
    if (x < b) {
      const a = sorted[k - 1] ?? 0;
      return (k + (x - a) / (b - a)) / (K + 1);
    }
  }
  return 1;
}

/** Mean quantile of the levels in (0, tau], by 32 midpoints: (1/tau) * integral of Q over (0, tau). */
export function cvar(sorted: ArrayLike<number>, tau: number): number {
  let sum = 0;
  for (let i = 0; i < 32; i++) sum += quantileAt(sorted, (tau * (i + 0.5)) / 32);
  return sum / 32;
}

/** P(a > b) + P(a = b)/2, the two taken independent with K equally likely values each. */
export function probabilityBeats(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let wins = 0;
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j < b.length; j++) {
      const d = (a[i] ?? 0) - (b[j] ?? 0);
      wins += d > 0 ? 1 : d === 0 ? 0.5 : 0;
    }
  }
  return wins / (a.length * b.length);
}

/** Peaks of the density (1 / gap, smoothed over three gaps) parted by a valley under half the lower. */
export function countModes(sorted: ArrayLike<number>): number {
  const K = sorted.length;
  if (K < 7) return 1;
  const floor = Math.max((sorted[K - 1] ?? 0) - (sorted[0] ?? 0), 1e-9) * 1e-3;
  const density: number[] = [];
  for (let k = 1; k + 2 < K; k++) {
    density.push(1 / Math.max((sorted[k + 2] ?? 0) - (sorted[k - 1] ?? 0), floor));
  }
  let modes = 0;
  let peak = 0;
  let valley = 0;
  for (const d of density) {
    if (modes === 0 || (valley < peak / 2 && d > valley * 2)) {
      modes++;
      peak = d;
      valley = d;
    } else if (d > peak && valley === peak) {
      peak = d;
      valley = d;
    } else {
      valley = Math.min(valley, d);
      if (d > peak) {
        peak = d;
        valley = d;
      }
    }
  }
  return modes;
}

export function measure(score: RewardScore, options: MeasureOptions): Measures {
  const raw = mixture(score, options.weights);
  const sorted = Float32Array.from(raw).sort();
  const K = sorted.length;
  let sum = 0;
  // log-mean-exp, shifted by the lowest quantile so that a large lambda cannot overflow.
  let utility = 0;
  const low = sorted[0] ?? 0;
  for (const r of sorted) {
    sum += r;
    utility += Math.exp(-options.lambda * (r - low));
  }
  return {
    sorted,
    expectation: options.weights === undefined ? score.expectation : sum / K,
    tail: quantileAt(sorted, options.tau),
    cvar: cvar(sorted, options.tau),
    spread: quantileAt(sorted, 0.95) - quantileAt(sorted, 0.05),
    certaintyEquivalent:
      options.lambda === 0 ? sum / K : low - Math.log(utility / K) / options.lambda,
    modes: countModes(sorted),
  };
}
