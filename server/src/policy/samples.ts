/**
 * Responses of a reference policy with the distributions of their rewards, prompt after prompt: the
 * samples of prompt p are `offsets[p]` to `offsets[p + 1]`, at least two each.
 * N responses, P prompts, K levels, M attributes.
 */
export interface SampleSet {
  readonly levels: readonly number[];
  readonly attributes: readonly string[];
  /** Length P + 1. */
  readonly offsets: Uint32Array;
  /** Rearranged (sorted) quantiles, row i*K+k, length N*K. */
  readonly quantiles: Float32Array;
  /** The model's score, length N. */
  readonly expectation: Float64Array;
  /** The mean of each attribute's quantiles, row i*M+m, length N*M. */
  readonly attributeMeans: Float32Array;
  /** Tokens of the conversation up to the scored position, length N. */
  readonly tokens: Uint32Array;
  /**
   * The reference's share of each sample within its prompt (they sum to 1), where another policy drew the
   * samples: importance weights. Absent: the reference drew them itself, each counts the same.
   */
  readonly base?: Float64Array;
  /** Natural logarithm of each response's probability under the reference; NaN where not known. */
  readonly logProbability?: Float64Array;
}

export const promptsOf = (samples: SampleSet): number => samples.offsets.length - 1;

/** Samples of a prompt. */
export const sizeOf = ({ offsets }: SampleSet, p: number): number =>
  (offsets[p + 1] as number) - (offsets[p] as number);

/** The smallest, the middle and the largest number of samples of a prompt. */
export function sizes(samples: SampleSet): { least: number; median: number; most: number } {
  const all = Uint32Array.from({ length: promptsOf(samples) }, (_, p) => sizeOf(samples, p)).sort();
  return { least: all[0] ?? 0, median: all[all.length >> 1] ?? 0, most: all.at(-1) ?? 0 };
}

/**
 * Importance weights of samples that policy A drew, for policy B, normalised within each prompt: B(y)/A(y).
 * @param drawnBy log A(y), length N
 * @param reference log B(y), length N
 */
export function importance(
  offsets: Uint32Array,
  drawnBy: ArrayLike<number>,
  reference: ArrayLike<number>,
): Float64Array {
  const out = new Float64Array(drawnBy.length);
  for (let p = 0; p + 1 < offsets.length; p++) {
    const [from, to] = [offsets[p] as number, offsets[p + 1] as number];
    let most = -Infinity;
    for (let i = from; i < to; i++)
      most = Math.max(most, (reference[i] as number) - (drawnBy[i] as number));
    let sum = 0;
    for (let i = from; i < to; i++)
      sum += out[i] = Math.exp((reference[i] as number) - (drawnBy[i] as number) - most);
    for (let i = from; i < to; i++) out[i]! /= sum;
  }
  return out;
}
