/** A limit in the figure's own unit, or the outermost share of the dataset's own figures. */
export type Threshold =
  | { readonly kind: 'absolute'; readonly value: number }
  | { readonly kind: 'relative'; readonly share: number };

/** Every threshold of the audit, in one place. */
export interface Thresholds {
  /** low-left-tail: q_tau at or below. Default: the dataset's lowest 5 %. */
  readonly tail: Threshold;
  /** An absolute tail threshold missed by more than this (reward units) is severe. Default 0.1. */
  readonly severeMargin: number;
  /** inverted-pair: P(chosen beats rejected) at or below, and below 1/2. Default: lowest 5 %. */
  readonly inverted: Threshold;
  /** ambiguous-pair: |P(chosen beats rejected) - 1/2| at or below. Default: lowest 5 %. */
  readonly ambiguous: Threshold;
  /** wide-distribution: q95 - q05 at or above. Default: the dataset's widest 5 %. */
  readonly wide: Threshold;
  /** multimodal: at least so many modes. Default 2. */
  readonly modes: number;
  /** Relative thresholds say nothing of fewer figures than this. Default 10. */
  readonly minimumSample: number;
}

const five: Threshold = { kind: 'relative', share: 0.05 };

export const DEFAULT_THRESHOLDS: Thresholds = {
  tail: five,
  severeMargin: 0.1,
  inverted: five,
  ambiguous: five,
  wide: five,
  modes: 2,
  minimumSample: 10,
};

/**
 * The limit that a threshold means for these figures: with `share` s of n figures, the ceil(s*n)-th
 * lowest. NaN (nothing is at or below it) when a relative threshold has too few figures.
 * @param values the dataset's figures; NaN are left out.
 */
export function resolve(threshold: Threshold, values: Iterable<number>, minimum: number): number {
  if (threshold.kind === 'absolute') return threshold.value;
  const known = Float64Array.from(values).filter((v) => !Number.isNaN(v));
  if (known.length < minimum) return Number.NaN;
  known.sort();
  return known[Math.max(Math.ceil(threshold.share * known.length) - 1, 0)] ?? Number.NaN;
}

/** "the dataset's lowest 5 %", for messages. */
export function inWords(threshold: Threshold, edge: string): string {
  return threshold.kind === 'absolute'
    ? 'set by you'
    : `the dataset's ${edge} ${+(threshold.share * 100).toFixed(3)} %`;
}
