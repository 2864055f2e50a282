import type { SampleSet } from './samples.js';
import { tilt } from './tilting.js';

const mean = (x: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] as number;
  return sum / x.length;
};

/** How near the KL comes to what was asked, as a share of it. */
const PRECISION = 1e-3;
/** Responses that are enough to come near; the last steps are with all of them. */
const ENOUGH = 16_000;
const STEPS = 60;

/**
 * The betas at which the mean KL over prompts is as asked. The KL falls as beta grows, near beta = infinity as
 * Var(score) / (2 beta^2): so log KL is nearly linear in log beta, and a few steps of regula falsi (Illinois)
 * do. What was found for one target brackets the next.
 */
export class BetaSolver {
  private readonly known: { logBeta: number; kl: number }[] = [];
  private readonly scale: number;
  /** The same for some of the prompts, where there are many. */
  private readonly some: BetaSolver | undefined;

  constructor(
    private readonly samples: SampleSet,
    private readonly scores: ArrayLike<number>,
  ) {
    this.scale = spreadWithin(samples, scores);
    const thin = thinned(samples, scores);
    this.some = thin && new BetaSolver(thin.samples, thin.scores);
  }

  /** @returns undefined where no beta has this KL: the scores tie, or n is too small. */
  beta(kl: number): number | undefined {
    if (!(this.scale > 0) || !(kl > 0)) return undefined;
    if (this.some !== undefined) {
      const near = this.some.beta(kl);
      return near === undefined ? undefined : this.refined(kl, Math.log(near));
    }
    const guess = Math.log(this.scale / Math.sqrt(2 * kl));
    let low = this.above(kl, guess); // its KL is at least the target
    let high = this.below(kl, guess);
    if (low === undefined || high === undefined) return undefined;
    const excess = (x: number): number => Math.log(Math.max(x, 1e-300) / kl);
    let [fLow, fHigh] = [excess(low.kl), excess(high.kl)];
    let side = 0;
    for (let n = 0; n < STEPS; n++) {
      if (Math.abs(low.kl / kl - 1) < PRECISION) return Math.exp(low.logBeta);
      if (Math.abs(high.kl / kl - 1) < PRECISION) return Math.exp(high.logBeta);
      const width = high.logBeta - low.logBeta;
      if (width < 1e-12) return undefined;
      const share = n % 8 === 7 || fLow === fHigh ? 0.5 : fLow / (fLow - fHigh);
      const at = this.at(low.logBeta + width * Math.min(Math.max(share, 0.01), 0.99));
      const f = excess(at.kl);
      if (f >= 0) {
        [low, fLow] = [at, f];
        if (side === 1) fHigh /= 2;
        side = 1;
      } else {
        [high, fHigh] = [at, f];
        if (side === -1) fLow /= 2;
        side = -1;
      }
    }
    return Math.exp((low.logBeta + high.logBeta) / 2);
  }

  /** From a beta nearby: the secant through two points is as good as the curve. */
  private refined(kl: number, logBeta: number): number {
    let a = this.at(logBeta);
    // Where scores are Gaussian KL ~ 1 / beta^2.
    let b = this.at(logBeta + Math.log(a.kl / kl) / 2);
    for (let n = 0; n < 4 && Math.abs(b.kl / kl - 1) > PRECISION; n++) {
      const slope = (Math.log(b.kl) - Math.log(a.kl)) / (b.logBeta - a.logBeta);
      if (!(slope < 0)) break;
      [a, b] = [b, this.at(b.logBeta - Math.log(b.kl / kl) / slope)];
    }
    return Math.exp(b.logBeta);
  }

  private at(logBeta: number): { logBeta: number; kl: number } {
    const kl = mean(tilt(this.samples, this.scores, Math.exp(logBeta)).kl);
    const point = { logBeta, kl };
    this.known.push(point);
    return point;
  }

  /** The largest beta known, or looked for, whose KL is the target or more. */
  private above(kl: number, guess: number) {
    const known = this.known.filter((k) => k.kl >= kl);
    if (known.length > 0) return known.reduce((a, b) => (b.logBeta > a.logBeta ? b : a));
    for (let x = guess; x > guess - 40; x -= 1.2) {
      const point = this.at(x);
      if (point.kl >= kl) return point;
    }
    return undefined;
  }

  private below(kl: number, guess: number) {
    const known = this.known.filter((k) => k.kl < kl);
    if (known.length > 0) return known.reduce((a, b) => (b.logBeta < a.logBeta ? b : a));
    for (let x = guess + 1.2; x < guess + 40; x += 1.2) {
      const point = this.at(x);
      if (point.kl < kl) return point;
    }
    return undefined;
  }
}

/** The standard deviation of the scores within prompts (root of the mean variance); infinite ones left out. */
export function spreadWithin({ offsets }: SampleSet, scores: ArrayLike<number>): number {
  let [sum, count] = [0, 0];
  for (let p = 0; p + 1 < offsets.length; p++) {
    let [n, average, squares] = [0, 0, 0];
    for (let i = offsets[p] as number; i < (offsets[p + 1] as number); i++) {
      const s = scores[i] as number;
      if (!Number.isFinite(s)) continue;
      n++;
      const off = s - average;
      average += off / n;
      squares += off * (s - average);
    }
    if (n < 2) continue;
    sum += squares / (n - 1);
    count++;
  }
  return count === 0 ? 0 : Math.sqrt(sum / count);
}

/** Every so many prompts of many; undefined where all are few enough. */
function thinned(
  samples: SampleSet,
  scores: ArrayLike<number>,
): { samples: SampleSet; scores: Float64Array } | undefined {
  const N = scores.length;
  const step = Math.floor(N / ENOUGH);
  if (step < 2) return undefined;
  const offsets = [0];
  const kept: number[] = [];
  for (let p = 0; p + 1 < samples.offsets.length; p += step) {
    for (let i = samples.offsets[p]!; i < samples.offsets[p + 1]!; i++) kept.push(i);
    offsets.push(kept.length);
  }
  const { base } = samples;
  return {
    scores: Float64Array.from(kept, (i) => scores[i] as number),
    // The KL alone is asked of it: figures are not needed.
    samples: {
      ...samples,
      offsets: Uint32Array.from(offsets),
      ...(base && { base: Float64Array.from(kept, (i) => base[i] as number) }),
    },
  };
}
