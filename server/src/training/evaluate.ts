import { countCrossings } from '../qrm/index.js';
import { INTERCEPT } from './intercept.js';
import { matrix, type Matrix } from './matrix.js';
import { meanPinball, type RaterLabels } from './pinball.js';
import type { Products } from './products.js';
import { fitQuantiles } from './quantile-regression.js';
import { smoothLevels } from './smoothing.js';

export interface HeadOptions {
  readonly levels: readonly number[];
  readonly signal?: AbortSignal;
  readonly l1: number;
  /** Of smoothing across levels, in levels; default 0. */
  readonly bandwidth?: number;
}

/**
 * Fits one attribute's head on a design whose column INTERCEPT is the intercept.
 * @returns weights of the design's columns, [columns, K]
 */
export async function fitDesign(
  design: Matrix,
  labels: RaterLabels,
  options: HeadOptions,
  products: Products,
): Promise<Matrix> {
  const { weights } = await fitQuantiles(
    design,
    labels,
    { ...options, unpenalised: [INTERCEPT] },
    products,
  );
  return smoothLevels(weights, options.bandwidth ?? 0);
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

/**
 * Judges predicted quantiles.
 * @param quantiles [n, K]
 * @param constant the training labels' quantiles, [K]
 */
export function judgeHead(
  name: string,
  labels: RaterLabels,
  groups: readonly string[],
  quantiles: Matrix,
  constant: readonly number[],
  levels: readonly number[],
): AttributeFigures {
  const flat = matrix(labels.length, levels.length);
  for (let i = 0; i < flat.data.length; i++) flat.data[i] = constant[i % levels.length]!;
  const values = new Set(labels.flat());
  const expectations = means(quantiles);
  return {
    name,
    responses: labels.length,
    labels: labels.flat().length,
    prompts: new Set(groups).size,
    values: values.size,
    pinball: meanPinball(labels, quantiles, levels),
    baseline: meanPinball(labels, flat, levels),
    coverage: coverage(labels, quantiles),
    quantileMiss: quantileMiss(labels, quantiles, levels),
    baselineCoverage: coverage(labels, flat),
    crossings: crossingShare(quantiles),
    rankCorrelation: spearman(
      expectations,
      labels.map((raters) => raters.reduce((a, b) => a + b, 0) / raters.length),
    ),
    auroc: values.size === 2 ? auroc(expectations, labels, Math.max(...values)) : undefined,
  };
}

/** P(a sample with the high label has the higher expectation), ties one half: Mann-Whitney's U. */
export function auroc(scores: readonly number[], labels: RaterLabels, high: number): number {
  const each = labels.flatMap((raters, i) => raters.map((y) => ({ y, s: scores[i]! })));
  const rank = ranks(each.map(({ s }) => s));
  const positive = each.reduce((n, { y }) => n + (y === high ? 1 : 0), 0);
  const sum = each.reduce((total, { y }, i) => total + (y === high ? rank[i]! + 1 : 0), 0);
  const negative = each.length - positive;
  return (sum - (positive * (positive + 1)) / 2) / (positive * negative);
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
