import { WIDTH, weightedFigures } from './figures.js';
import { promptsOf, sizeOf, type SampleSet } from './samples.js';
import type { PromptEstimates } from './tilting.js';

/** KL of best-of-k from its reference in nats: log k - (k-1)/k; exact without ties, else a bound (Beirami et al. 2024). */
export const bestOfKl = (k: number): number => Math.log(k) - (k - 1) / k;

/**
 * The weights of best-of-k for k <= n, length N: the probability that a sample is the best of k drawn from the n
 * without replacement, C(i-1, k-1) / C(n, k) for the i-th in ascending order. The mean over all subsets is the
 * unbiased estimator of smallest variance (a U-statistic): no correction is due. Ties share what they have
 * together. Where samples have importance weights, k are drawn with replacement: F_i^k - F_{i-1}^k.
 * A prompt with fewer than k samples has NaN.
 * @param scores length N
 */
export function bestOfWeights(
  samples: SampleSet,
  scores: ArrayLike<number>,
  k: number,
): Float64Array {
  const out = new Float64Array(scores.length);
  for (let p = 0; p < promptsOf(samples); p++) {
    const from = samples.offsets[p] as number;
    const n = sizeOf(samples, p);
    if (n < k) {
      out.fill(Number.NaN, from, from + n);
      continue;
    }
    const order = Array.from({ length: n }, (_, j) => from + j).sort(
      (a, b) => (scores[a] as number) - (scores[b] as number),
    );
    const shares = samples.base === undefined ? ranked(n, k) : weighted(order, samples.base, k);
    for (let a = 0; a < n;) {
      let b = a;
      let together = 0;
      const score = scores[order[a]!];
      while (b < n && scores[order[b]!] === score) together += shares[b++]!;
      let base = 0;
      for (let j = a; j < b; j++) base += samples.base?.[order[j]!] ?? 1;
      for (let j = a; j < b; j++)
        out[order[j]!] = base > 0 ? (together * (samples.base?.[order[j]!] ?? 1)) / base : 0;
      a = b;
    }
  }
  return out;
}

/** C(i-1, k-1) / C(n, k) for i = 1..n, from the top down, where no number overflows. */
function ranked(n: number, k: number): Float64Array {
  const out = new Float64Array(n);
  let share = k / n;
  for (let i = n; i >= k; i--) {
    out[i - 1] = share;
    if (i > 1) share *= (i - k) / (i - 1);
  }
  return out;
}

function weighted(order: readonly number[], base: Float64Array, k: number): Float64Array {
  let below = 0;
  return Float64Array.from(order, (i) => {
    const to = Math.min(below + (base[i] as number), 1);
    const share = to ** k - below ** k;
    below = to;
    return share;
  });
}

/** Figures of best-of-k, NaN for prompts with fewer samples; its KL is known (`bestOfKl`). */
export function bestOf(
  samples: SampleSet,
  scores: ArrayLike<number>,
  k: number,
  figures: Float64Array,
): PromptEstimates {
  const weights = bestOfWeights(samples, scores, k);
  const P = promptsOf(samples);
  const ess = new Float64Array(P);
  const out = weightedFigures(samples, figures, weights);
  for (let p = 0; p < P; p++) {
    let squares = 0;
    for (let i = samples.offsets[p] as number; i < (samples.offsets[p + 1] as number); i++)
      squares += (weights[i] as number) ** 2;
    ess[p] = 1 / squares;
    if (Number.isNaN(squares)) out.fill(Number.NaN, p * WIDTH, (p + 1) * WIDTH);
  }
  return { figures: out, kl: new Float64Array(P).fill(bestOfKl(k)), ess };
}

/** The sample of the highest (or lowest) score of each prompt, the first of equals; length P. */
export function extreme(
  { offsets }: SampleSet,
  scores: ArrayLike<number>,
  which: 'best' | 'worst',
): Uint32Array {
  const sign = which === 'best' ? 1 : -1;
  return Uint32Array.from({ length: offsets.length - 1 }, (_, p) => {
    let at = offsets[p] as number;
    for (let i = at + 1; i < (offsets[p + 1] as number); i++)
      if (sign * (scores[i] as number) > sign * (scores[at] as number)) at = i;
    return at;
  });
}
