import { WIDTH } from './figures.js';
import { promptsOf, sizeOf, type SampleSet } from './samples.js';

/** A policy's estimates, prompt by prompt. */
export interface PromptEstimates {
  /** Row p*WIDTH+f, length P*WIDTH; NaN for a prompt that has too few samples. */
  readonly figures: Float64Array;
  /** KL from the reference in nats, length P; constant where it is known. */
  readonly kl: Float64Array;
  /** Effective sample size 1 / sum w^2 (Kish 1965), length P. */
  readonly ess: Float64Array;
}

export interface Tilted extends PromptEstimates {
  /** The same without the correction by leave-one-out: row p*WIDTH+f, and length P. */
  readonly plugIn: { readonly figures: Float64Array; readonly kl: Float64Array };
}

/**
 * The KL-optimal policy pi(y) ~ pi_ref(y) exp(score(y) / beta) on samples of the reference: w_i ~ b_i exp(s_i / beta),
 * self-normalised within each prompt, where b_i is 1/n or an importance weight. Its figures are sum w_i f_i and its
 * KL is sum w_i log(w_i / b_i). Both are ratios of means, biased by O(1/n); leave-one-out (the jackknife of
 * Quenouille 1956: n theta - (n-1) mean theta_(-i)) takes that off and leaves O(1/n^2).
 * O(N * WIDTH), without a logarithm or an exponential more than two a sample.
 * @param scores length N; -Infinity is a response that is never given
 * @param figures row i*WIDTH+f; undefined for the KL alone
 */
export function tilt(
  samples: SampleSet,
  scores: ArrayLike<number>,
  beta: number,
  figures?: Float64Array,
): Tilted {
  const P = promptsOf(samples);
  const width = figures === undefined ? 0 : WIDTH;
  const out: Tilted = {
    figures: new Float64Array(P * width),
    kl: new Float64Array(P),
    ess: new Float64Array(P),
    plugIn: { figures: new Float64Array(P * width), kl: new Float64Array(P) },
  };
  const sums = new Float64Array(width);
  const left = new Float64Array(width);
  const prompt = new Prompt(samples, scores, beta, figures, width);
  const { e, t } = prompt;
  for (let p = 0; p < P; p++) {
    const [from, to] = [samples.offsets[p] as number, samples.offsets[p + 1] as number];
    const n = to - from;
    prompt.take(from, to);
    const S = prompt.sum(-1, sums);
    const kl = prompt.kl(-1, S.total, S.mean);
    let squares = 0;
    for (let j = 0; j < n; j++) squares += ((e[j] as number) / S.total) ** 2;
    out.ess[p] = 1 / squares;
    out.plugIn.kl[p] = kl;
    for (let f = 0; f < width; f++) out.plugIn.figures[p * width + f] = sums[f]! / S.total;
    let klLeft = 0;
    left.fill(0);
    for (let j = 0; j < n; j++) {
      const ej = e[j] as number;
      // What dominates cannot be taken off the sum without losing the digits of the rest.
      if (ej > 0.5 * S.total) {
        const rest = prompt.without(j);
        klLeft += rest.kl;
        for (let f = 0; f < width; f++) left[f]! += rest.figures[f]!;
        continue;
      }
      const total = S.total - ej;
      klLeft += prompt.kl(j, total, S.mean - (ej === 0 ? 0 : ej * (t[j] as number)));
      for (let f = 0; f < width; f++)
        left[f]! += (sums[f]! - ej * (figures as Float64Array)[(from + j) * WIDTH + f]!) / total;
    }
    out.kl[p] = n * kl - ((n - 1) * klLeft) / n;
    for (let f = 0; f < width; f++) {
      const whole = sums[f]! / S.total;
      out.figures[p * width + f] = n * whole - ((n - 1) * left[f]!) / n;
    }
  }
  return out;
}

/** The samples of one prompt after another under a tilt, in the same memory: there may be a million prompts. */
class Prompt {
  /** b_i exp(t_i), and t_i = s_i / beta less the greatest; as long as the largest prompt. */
  readonly e: Float64Array;
  readonly t: Float64Array;
  private readonly rest: Float64Array;
  private from = 0;
  private n = 0;

  constructor(
    private readonly samples: SampleSet,
    private readonly scores: ArrayLike<number>,
    private readonly beta: number,
    private readonly figures: Float64Array | undefined,
    private readonly width: number,
  ) {
    let most = 0;
    for (let p = 0; p < promptsOf(samples); p++) most = Math.max(most, sizeOf(samples, p));
    this.e = new Float64Array(most);
    this.t = new Float64Array(most);
    this.rest = new Float64Array(width);
  }

  take(from: number, to: number): void {
    this.from = from;
    this.n = to - from;
    exponents(this.scores, this.beta, from, to, this.t);
    for (let j = 0; j < this.n; j++) this.e[j] = this.base(j) * Math.exp(this.t[j] as number);
  }

  private base(j: number): number {
    const { base } = this.samples;
    return base === undefined ? 1 / this.n : (base[this.from + j] as number);
  }

  /** Sums over all but the j-th: of e, of e t, and (into `sums`) of e f. */
  sum(except: number, sums: Float64Array): { total: number; mean: number } {
    let [total, mean] = [0, 0];
    sums.fill(0);
    for (let j = 0; j < this.n; j++) {
      const ej = this.e[j] as number;
      if (j === except || ej === 0) continue;
      total += ej;
      mean += ej * (this.t[j] as number);
      this.add(sums, j, ej);
    }
    return { total, mean };
  }

  private add(sums: Float64Array, j: number, weight: number): void {
    const at = (this.from + j) * WIDTH;
    for (let f = 0; f < this.width; f++)
      sums[f]! += weight * ((this.figures as Float64Array)[at + f] as number);
  }

  /** KL of the samples but the j-th, from their own share of the reference. */
  kl(except: number, total: number, mean: number): number {
    const kept = except < 0 ? 1 : 1 - this.base(except);
    return Math.max(mean / total - Math.log(total / kept), 0);
  }

  /**
   * The estimates without the j-th, from a greatest of their own: the others may all be tiny beside it. The figures are
   * good until the next call.
   */
  without(j: number): { kl: number; figures: Float64Array } {
    let most = -Infinity;
    for (let i = 0; i < this.n; i++)
      if (i !== j && this.base(i) > 0) most = Math.max(most, this.t[i] as number);
    const kept = 1 - this.base(j);
    const { rest } = this;
    rest.fill(0);
    let [total, mean] = [0, 0];
    for (let i = 0; i < this.n; i++) {
      if (i === j) continue;
      const t = most === -Infinity ? 0 : (this.t[i] as number) - most;
      const e = (this.base(i) / kept) * Math.exp(t);
      if (e === 0) continue;
      total += e;
      mean += e * t;
      this.add(rest, i, e);
    }
    for (let f = 0; f < this.width; f++) rest[f]! /= total;
    return { kl: Math.max(mean / total - Math.log(total), 0), figures: rest };
  }
}

/** s_i / beta less the greatest of the prompt; all 0 where none is finite. */
function exponents(
  scores: ArrayLike<number>,
  beta: number,
  from: number,
  to: number,
  t: Float64Array = new Float64Array(to - from),
): Float64Array {
  let most = -Infinity;
  for (let i = from; i < to; i++) most = Math.max(most, scores[i] as number);
  for (let i = from; i < to; i++)
    t[i - from] = most === -Infinity ? 0 : ((scores[i] as number) - most) / beta;
  return t;
}

/** The policy's weights, which sum to 1 within each prompt; length N. */
export function tiltedWeights(
  samples: SampleSet,
  scores: ArrayLike<number>,
  beta: number,
): Float64Array {
  const out = new Float64Array(scores.length);
  for (let p = 0; p < promptsOf(samples); p++) {
    const [from, to] = [samples.offsets[p] as number, samples.offsets[p + 1] as number];
    const t = exponents(scores, beta, from, to);
    let sum = 0;
    for (let i = from; i < to; i++)
      sum += out[i] = (samples.base?.[i] ?? 1) * Math.exp(t[i - from] as number);
    for (let i = from; i < to; i++) out[i]! /= sum;
  }
  return out;
}
