/**
 * Benchmarks by their layout. Every item of a benchmark of preferences has responses that are right and
 * responses that are wrong; a suite says what credit scores earn, and how credits make its figures.
 */
export const SUITES = [
  'rewardbench',
  'rewardbench-2',
  'rm-bench',
  'judgebench',
  'hhh',
  'pairs',
  'rated',
] as const;
export type SuiteName = (typeof SUITES)[number];
/** Suites whose items are preferences. */
export type PreferenceSuite = Exclude<SuiteName, 'rated'>;

/** Everything an evaluation found: what reports and the editor's view show, and nothing else. Plain JSON but for NaN. */
export interface EvaluationResult {
  /** The data, as it was named; what an item's `file` counts. */
  readonly files: readonly string[];
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
  /** Items with less than full credit, the surest mistakes first, as many as are kept. */
  readonly wrong: { readonly items: number; readonly first: readonly WrongItem[] };
}

/** An item that a model got wrong, with its place. */
export interface WrongItem {
  readonly subset: string;
  /** Of the data, where it has ids. */
  readonly id?: string;
  /** Index of the file; row, line and column of its row, from 0. */
  readonly file: number;
  readonly row: number;
  readonly line: number;
  readonly column: number;
  /** The best right score less the best wrong one; NaN where one is missing. */
  readonly margin: number;
  readonly credit: number;
  /** How the prompt begins, for a list. */
  readonly prompt: string;
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
  /**
   * Area less that of the margin (below 0: better), by a paired bootstrap, Holm's correction over a row's signals;
   * undefined for the margin itself.
   */
  readonly versusMargin?: Omit<Difference, 'test'> & { readonly replicates: number };
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
  readonly attributes: readonly RatedAttribute[];
}

/** What a model's scores say of one attribute of the labels. */
export interface RatedAttribute {
  readonly attribute: string;
  /** The model's head of that name, or its reward where it has none. */
  readonly predictedBy: 'head' | 'reward';
  /** The labels' scale, and whether the data fixes it or it is their range. */
  readonly scale: readonly [number, number];
  readonly scaleKnown: boolean;
  /** By the head, or the reward. Pinball loss and coverage of labels in [0, 1]. */
  readonly figures: AttributeFigures;
  /** Rank correlation of the whole reward. */
  readonly rewardRankCorrelation: number;
  /**
   * Does width predict raters' disagreement? Rank correlations with the raters' variance, over responses that
   * several rated: of q95 - q05, and of what a point model has (closeness of its score to the middle of all).
   */
  readonly disagreement?: {
    readonly responses: number;
    readonly width: Estimate;
    readonly point: Estimate;
  };
}

export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence and accuracy of what is in it; NaN where nothing is. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Reliability {
  /** Expected calibration error (Guo et al. 2017): mean of |accuracy - confidence| over bins, by their counts. */
  readonly ece: number;
  /** Mean of accuracy - confidence: below 0, the model is too sure. */
  readonly bias: number;
  /** Mean squared distance of confidence and outcome. */
  readonly brier: number;
  readonly bins: readonly ReliabilityBin[];
}

export interface RiskCoverage {
  /** Area under the risk-coverage curve: the mean error over all coverages (Geifman & El-Yaniv 2017). */
  readonly area: number;
  /** The area of the best possible order of the same decisions, and of none (the error itself). */
  readonly best: number;
  readonly error: number;
  /** Share answered, the surest first, and the accuracy on it. */
  readonly curve: readonly { readonly coverage: number; readonly accuracy: number }[];
}

/** Figures of one attribute, on labels whose prompts the head was not fitted on. */
export interface AttributeFigures {
  readonly name: string;
  readonly responses: number;
  readonly labels: number;
  readonly prompts: number;
  /** Distinct values of the labels; few of them cannot be covered at every level. */
  readonly values: number;
  /** Mean pinball loss over labels and levels. */
  readonly pinball: number;
  /** The same of the training labels' constant quantiles. */
  readonly baseline: number;
  /** Per level: share of labels at or below the predicted quantile; tau when well calibrated. */
  readonly coverage: readonly number[];
  /** The same of the baseline: labels are few distinct values, so that even it cannot hit every level. */
  readonly baselineCoverage: readonly number[];
  /**
   * By how much the worst level misses what defines a quantile: the share of labels below is at most tau,
   * the share at or below at least tau. 0 when every level meets it, however few values labels take.
   */
  readonly quantileMiss: number;
  /** Share of neighbouring levels whose quantiles are in the wrong order. */
  readonly crossings: number;
  /** Spearman's correlation of the expectation with the raters' mean. */
  readonly rankCorrelation: number;
  /** Area under the ROC curve of the expectation, where labels are two values; each label a sample. */
  readonly auroc?: number;
}

/** A line of `qrm evaluate --progress json` on standard output. */
export type EvaluateEvent =
  | { readonly type: 'note'; readonly text: string }
  | {
      readonly type: 'progress';
      /** The row of the table that is being made. */
      readonly stage: string;
      /** 0..1 of the stage, where the size of the data is known. */
      readonly fraction?: number;
      /** Rows and responses so far, rate, time left. */
      readonly note: string;
    }
  | { readonly type: 'done'; /** The report. */ readonly out: string };
