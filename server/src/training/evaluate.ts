import { countCrossings } from '../qrm/index.js';
import { groupedFolds, splitFold } from './folds.js';
import { designOf, INTERCEPT, standardise, foldWeights } from './intercept.js';
import { matrix, multiplyByTransposed, takeRows, type Matrix } from './matrix.js';
import { constantQuantiles, meanPinball, type RaterLabels } from './pinball.js';
import { fitQuantiles } from './quantile-regression.js';
import { smoothLevels } from './smoothing.js';

/** The responses of one attribute with what its raters said of them; row i of all three is response i. */
export interface AttributeSamples {
  readonly name: string;
  /** Reward features [n, hidden]. */
  readonly features: Matrix;
  readonly labels: RaterLabels;
  readonly groups: readonly string[];
}

export interface HeadOptions {
  readonly levels: readonly number[];
  readonly l1: number;
  /**
   * Standard deviation that features are scaled to before the fit; default 1. The smaller, the more a
   * weight of the same effect costs in L1.
   */
  readonly featureScale?: number;
  /** Of smoothing across levels, in levels; default 0. */
  readonly bandwidth?: number;
}

/**
 * Fits one attribute's head.
 * @returns rows of `regression_layer.weight`, [K, hidden]
 */
export function fitHead(features: Matrix, labels: RaterLabels, options: HeadOptions): Matrix {
  const standardisation = standardise(features, options.featureScale);
  const { weights } = fitQuantiles(designOf(features, standardisation), labels, {
    ...options,
    unpenalised: [INTERCEPT],
  });
  return foldWeights(smoothLevels(weights, options.bandwidth ?? 0), standardisation);
}

/** Figures of one attribute, all on labels whose prompts the head was not fitted on. */
export interface AttributeFigures {
  readonly name: string;
  readonly responses: number;
  readonly labels: number;
  readonly prompts: number;
  /** Mean pinball loss over labels and levels. */
  readonly pinball: number;
  /** The same of the training folds' constant quantiles. */
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
}

/** K-fold cross-validation grouped by prompt. */
export function crossValidate(
  samples: AttributeSamples,
  options: HeadOptions & { readonly folds: number; readonly seed: number },
): AttributeFigures {
  const { features, labels, groups, name } = samples;
  const { levels } = options;
  const K = levels.length;
  const quantiles = matrix(labels.length, K);
  const constant = matrix(labels.length, K);
  const folds = groupedFolds(groups, options.folds, options.seed);
  for (let fold = 0; fold < options.folds; fold++) {
    const { train, test } = splitFold(folds, fold);
    const trainLabels = train.map((i) => labels[i]!);
    const head = fitHead(takeRows(features, train), trainLabels, options);
    const predicted = multiplyByTransposed(takeRows(features, test), head);
    const best = constantQuantiles(trainLabels, levels);
    test.forEach((i, at) => {
      quantiles.data.set(predicted.data.subarray(at * K, (at + 1) * K), i * K);
      constant.data.set(best, i * K);
    });
  }
  return {
    name,
    responses: labels.length,
    labels: labels.flat().length,
    prompts: new Set(groups).size,
    pinball: meanPinball(labels, quantiles, levels),
    baseline: meanPinball(labels, constant, levels),
    coverage: coverage(labels, quantiles),
    quantileMiss: quantileMiss(labels, quantiles, levels),
    baselineCoverage: coverage(labels, constant),
    crossings: crossingShare(quantiles),
    rankCorrelation: spearman(
      means(quantiles),
      labels.map((raters) => raters.reduce((a, b) => a + b, 0) / raters.length),
    ),
  };
}

/**
 * Per level: the share of labels at or below the predicted quantile. A quantile within
 * COVERAGE_SLACK under a label counts as that label: labels are few distinct values, and a fit that
 * means to predict one of them exactly misses it by its own precision.
 */
export function coverage(labels: RaterLabels, quantiles: Matrix): number[] {
  const K = quantiles.columns;
  const covered = new Array<number>(K).fill(0);
  let count = 0;
  labels.forEach((raters, i) => {
    for (const y of raters) {
      count++;
      for (let k = 0; k < K; k++) {
        if (y <= quantiles.data[i * K + k]! + COVERAGE_SLACK) covered[k]!++;
      }
    }
  });
  return covered.map((c) => c / count);
}

const COVERAGE_SLACK = 0.01;

/** See `AttributeFigures.quantileMiss`; with the slack of `coverage` on both sides. */
export function quantileMiss(
  labels: RaterLabels,
  quantiles: Matrix,
  levels: readonly number[],
): number {
  const mirrored = (raters: readonly number[]): number[] => raters.map((y) => -y);
  // Labels at or above a quantile are those at or below it in the mirror.
  const atOrAbove = coverage(
    labels.map(mirrored),
    matrix(
      quantiles.rows,
      quantiles.columns,
      quantiles.data.map((q) => -q),
    ),
  );
  const atOrBelow = coverage(labels, quantiles);
  return Math.max(0, ...levels.flatMap((tau, k) => [1 - atOrAbove[k]! - tau, tau - atOrBelow[k]!]));
}

function crossingShare(quantiles: Matrix): number {
  const { rows, columns: K, data } = quantiles;
  if (K < 2) return 0;
  let crossed = 0;
  for (let i = 0; i < rows; i++) crossed += countCrossings(data.subarray(i * K, (i + 1) * K));
  return crossed / (rows * (K - 1));
}

/** The expectation of each row: the mean of its quantiles. */
export function means({ rows, columns: K, data }: Matrix): number[] {
  return Array.from({ length: rows }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < K; k++) sum += data[i * K + k]!;
    return sum / K;
  });
}

/** Spearman's rank correlation; ties share their mean rank. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const out = new Array<number>(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let k = from; k < to; k++) out[order[k]!] = (from + to - 1) / 2;
    from = to;
  }
  return out;
}

/** Pearson's correlation; 0 where one side does not vary. */
export function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0) / x.length;
  const ma = mean(a);
  const mb = mean(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((x, i) => {
    ab += (x - ma) * (b[i]! - mb);
    aa += (x - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
