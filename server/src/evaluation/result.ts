import type { Reliability, RiskCoverage } from './statistics/index.js';
import type { SuiteName } from './suites/index.js';
import type { RatedFigures } from './rated-board.js';

/** Everything an evaluation found: what reports and the editor's view show, and nothing else. Plain JSON but for NaN. */
export interface EvaluationResult {
  readonly suites: readonly SuiteResult[];
  readonly rated: readonly RatedResult[];
  readonly settings: {
    readonly replicates: number;
    readonly seed: number;
    /** Of intervals, and 1 less the level of tests. */
    readonly level: number;
  };
}

/** A figure with its interval by resampling prompts. Shares, not percent. */
export interface Estimate {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface SuiteResult {
  readonly suite: SuiteName;
  readonly title: string;
  readonly items: number;
  readonly prompts: number;
  readonly rows: readonly RowResult[];
  readonly comparisons: readonly Comparison[];
  readonly notes: readonly string[];
}

/** One row of the table. */
export interface RowResult {
  readonly name: string;
  readonly kind: string;
  /** The benchmark's own figure; NaN where a part that it needs is missing. */
  readonly total: Estimate;
  /** Mean credit of all items, whatever their subset. */
  readonly accuracy: Estimate;
  readonly sections: readonly Estimate[];
  readonly subsets: readonly (Estimate & { readonly items: number })[];
  /** Items without a score (wrong), and with equal best scores. */
  readonly unscored: number;
  readonly tied: number;
  readonly truncated: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly length: readonly LengthClass[];
  /** Of P(the preferred response is better); undefined where a row has no probabilities. */
  readonly reliability?: Reliability;
  /** Accuracy under other readings than the mean. */
  readonly readings: readonly ReadingResult[];
  readonly abstention: readonly Abstention[];
  /** What a judge's two orders and its bill were. */
  readonly judge?: JudgeFigures;
}

/** Accuracy where the right response is longer than, as long as, or shorter than the wrong one (in characters). */
export interface LengthClass {
  readonly chosen: 'longer' | 'equal' | 'shorter';
  readonly items: number;
  readonly accuracy: number;
}

export interface ReadingResult {
  readonly name: string;
  readonly accuracy: number;
  /** Against the mean. */
  readonly difference: Difference;
}

export interface Difference {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly p: number;
  /** By Holm's correction over its family. */
  readonly adjusted: number;
  readonly test: 'McNemar' | 'paired bootstrap';
  /** What the test allows to say. */
  readonly verdict: 'better' | 'worse' | 'no difference';
}

/** Two rows of the table on the same items. */
export interface Comparison {
  readonly first: string;
  readonly second: string;
  readonly scope: string;
  readonly difference: Difference;
}

export interface Abstention extends RiskCoverage {
  /** What surety is taken from. */
  readonly signal: 'P(beats)' | 'margin' | 'margin / width' | 'narrowness';
  /** Area less that of the margin (below 0: better), with its interval; undefined for the margin itself. */
  readonly versusMargin?: { readonly value: number; readonly low: number; readonly high: number };
}

export interface JudgeFigures {
  readonly games: number;
  readonly unparsed: number;
  /** Share of verdicts for the response shown first. */
  readonly first: number;
  /** Share of items on which both orders agree. */
  readonly consistent: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cached: number;
}

export interface RatedResult {
  readonly name: string;
  readonly attributes: readonly (Omit<RatedFigures, 'disagreement'> & {
    readonly disagreement?: {
      readonly responses: number;
      readonly width: Estimate;
      readonly point: Estimate;
    };
  })[];
}
