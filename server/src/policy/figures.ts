import { cdfAt, cvar, quantileAt } from '../qrm/index.js';
import { promptsOf, type SampleSet } from './samples.js';

/** The levels of Figure 3 of Dorka 2024: its left tail is the mean over prompts of each quantile. */
const TAIL_LEVELS = [0.05, 0.1, 0.15, 0.2, 0.25];

/**
 * What is told of a policy, each the mean over prompts of the mean over its responses: the reward's mean, the
 * quantiles q05 to q25 and CVaR of a response's reward, the probability of a reward below the threshold, the tokens of a
 * conversation, and -log of a response's probability under the reference in nats (NaN where not known).
 */
export const FIGURES = [
  'mean',
  'q05',
  'q10',
  'q15',
  'q20',
  'q25',
  'cvar',
  'below',
  'tokens',
  'surprisal',
] as const;
export type FigureName = (typeof FIGURES)[number];
export const WIDTH = FIGURES.length;

/** Row i*WIDTH+f, length N*WIDTH, in the order of `FIGURES`. */
export function figureMatrix(
  samples: SampleSet,
  cvarLevel: number,
  threshold: number,
): Float64Array {
  const { levels, quantiles, expectation, tokens } = samples;
  const K = levels.length;
  const out = new Float64Array(expectation.length * WIDTH);
  for (let i = 0; i < expectation.length; i++) {
    const sorted = quantiles.subarray(i * K, i * K + K);
    let at = i * WIDTH;
    out[at++] = expectation[i] as number;
    for (const tau of TAIL_LEVELS) out[at++] = quantileAt(sorted, levels, tau);
    out[at++] = cvar(sorted, levels, cvarLevel);
    out[at++] = cdfAt(sorted, levels, threshold);
    out[at++] = tokens[i] as number;
    out[at++] = -(samples.logProbability?.[i] ?? Number.NaN);
  }
  return out;
}

/**
 * The reward that the reference falls below with probability `share`: the quantile of all responses' rewards
 * together, each quantile of each response with the mass around its level.
 */
export function commonQuantile(samples: SampleSet, share: number): number {
  const { levels, quantiles } = samples;
  const K = levels.length;
  const N = samples.expectation.length;
  let [low, high] = [Infinity, -Infinity];
  for (const q of quantiles) {
    if (q < low) low = q;
    if (q > high) high = q;
  }
  // At most so many responses: a threshold needs no more digits.
  const step = Math.max(1, Math.floor(N / 20_000));
  for (let n = 0; n < 40 && high - low > 1e-9 * Math.abs(high); n++) {
    const middle = (low + high) / 2;
    let [below, count] = [0, 0];
    for (let i = 0; i < N; i += step, count++)
      below += cdfAt(quantiles.subarray(i * K, i * K + K), levels, middle);
    if (below / count < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Each prompt's mean under weights that sum to 1 within it, row p*WIDTH+f, length P*WIDTH. */
export function weightedFigures(
  samples: SampleSet,
  figures: Float64Array,
  weights: ArrayLike<number> | undefined,
): Float64Array {
  const P = promptsOf(samples);
  const out = new Float64Array(P * WIDTH);
  for (let p = 0; p < P; p++) {
    const [from, to] = [samples.offsets[p] as number, samples.offsets[p + 1] as number];
    for (let i = from; i < to; i++) {
      const w = weights === undefined ? 1 / (to - from) : (weights[i] as number);
      if (w === 0) continue;
      for (let f = 0; f < WIDTH; f++) out[p * WIDTH + f]! += w * (figures[i * WIDTH + f] as number);
    }
  }
  return out;
}
