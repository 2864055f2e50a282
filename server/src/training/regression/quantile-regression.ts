import {
  constantQuantiles,
  meanPinball,
  pinball,
  totalWeight,
  type LabelWeights,
  type RaterLabels,
} from '../../evaluation/statistics/index.js';
import { matrix, multiply, type FloatMatrix, type Matrix } from '../matrix/matrix.js';
import { proximalMonotone, proximalPinball } from './pinball.js';
import type { Products } from '../matrix/products.js';

export interface QuantileRegressionOptions {
  readonly levels: readonly number[];
  /** Of the labels of each row; the loss is their weighted mean. */
  readonly weights?: LabelWeights;
  /** The factor of the weights' L1 norm, per level, against the mean pinball loss of that level. */
  readonly l1: number;
  /** Columns of the design that L1 leaves alone (the intercept). */
  readonly unpenalised?: readonly number[];
  /** Whether the levels' predictions must not cross on any row of the design (levels ascending). */
  readonly monotone?: boolean;
  readonly maxIterations?: number;
  /** Stops when no level's objective is further than this share of it above the optimum. Default 1e-4. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal;
  /** Told how far the worst level is above its optimum at most, as a share of its objective, now and then. */
  readonly onGap?: (iteration: number, gap: number) => void;
}

export interface QuantileFit {
  /** [columns, K]: the weights of each level. Exact zeros where L1 put them. */
  readonly weights: Matrix;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * Weight of the constraint `weights = sparse weights` against `predictions = X weights`, by the mean of X^T X's diagonal
 * (measured: a tenth and ten times as much take a tenth to a half more iterations).
 */
const COUPLING = 0.3;
const RELAXATION = 1.6;
/** Residuals further apart than this change the penalty, by RHO_STEP (Boyd et al. 2011, section 3.4.1). */
const BALANCE = 10;
const RHO_STEP = 2;
const CHECK_EVERY = 10;
/** The gap costs two products: it is looked at when so much of the iterations is done again. */
const GAP_EVERY = 1.1;
/** Changes of the penalty come further and further apart, or it swings for ever and nothing converges. */
const NEXT_CHANGE = 1.2;

/**
 * Linear quantile regression with L1 (Koenker & Bassett 1978; Dorka 2024, section 3), all levels at once:
 *
 *   min_W  sum_k [ mean_{i,r} rho_k(y_ir - x_i w_k) + l1 ||w_k||_1 ]
 *
 * solved exactly by ADMM (Boyd et al. 2011, "Distributed optimization and statistical learning via the
 * alternating direction method of multipliers") with z = X W and V = W split off: both proximal steps are
 * in closed form, the linear system is factored once for all levels, and no step size has to be chosen.
 * With `monotone` also subject to x_i w_1 <= x_i w_2 <= ... (Bondell, Reich & Wang 2010), which changes the
 * step of z alone. Deterministic.
 * @param design X [n, columns]
 * @param labels every rater's label of each row, each a sample of its own
 * @param products computes X W and X^T Z, and with them nearly all that there is to compute
 */
export async function fitQuantiles(
  design: Matrix | FloatMatrix,
  labels: RaterLabels,
  options: QuantileRegressionOptions,
  products: Products,
): Promise<QuantileFit> {
  const {
    levels,
    weights,
    l1,
    unpenalised = [],
    maxIterations = 20_000,
    tolerance = 1e-4,
  } = options;
  const { monotone = false } = options;
  const { rows: n, columns: p } = design;
  const K = levels.length;
  if (labels.length !== n) throw new RangeError(`${labels.length} labels for ${n} responses`);
  const sorted = labels.map((raters) => [...raters].sort((a, b) => a - b));
  const samples = totalWeight(labels, weights);
  if (samples === 0) throw new RangeError('quantile regression without labels');

  options.signal?.throwIfAborted();
  const gram = await products.gram(design, 0);
  let trace = 0;
  for (let j = 0; j < p; j++) trace += gram.data[j * p + j]!;
  const coupling = (COUPLING * trace) / p || 1;
  for (let j = 0; j < p; j++) gram.data[j * p + j]! += coupling;
  const inverted = await products.inverse(gram);
  const penalty = new Float64Array(p).fill(l1);
  for (const column of unpenalised) penalty[column] = 0;

  // Split variables z = X W and v = W with their scaled multipliers u and t.
  const start = constantQuantiles(labels, levels, weights);
  const z = matrix(n, K);
  for (let i = 0; i < z.data.length; i++) z.data[i] = start[i % K]!;
  const u = new Float64Array(n * K);
  const v = matrix(p, K);
  const t = new Float64Array(p * K);
  const target = matrix(n, K);
  const row = new Float64Array(K);
  /** Of each level; the linear system does not hang on it. Levels that must not cross have one. */
  const rho = new Float64Array(K).fill(0.5 / n);
  let changeFrom = 0;
  let gapFrom = 0;

  for (let iteration = 1; ; iteration++) {
    for (let i = 0; i < n * K; i++) target.data[i] = z.data[i]! - u[i]!;
    const right = await products.multiplyTransposed(design, target);
    for (let j = 0; j < p * K; j++) right.data[j]! += coupling * (v.data[j]! - t[j]!);
    const w = await products.multiply(inverted, right);
    const predicted = await products.multiply(design, w);

    const residuals = levels.map(() => new Residuals());
    for (let i = 0; i < n; i++) {
      const raters = sorted[i]!;
      const weight = weights?.[i] ?? 1;
      for (let k = 0; k < K; k++) {
        const at = i * K + k;
        u[at]! += RELAXATION * predicted.data[at]! + (1 - RELAXATION) * z.data[at]!;
        row[k] = monotone
          ? u[at]!
          : proximalPinball(u[at]!, raters, levels[k]!, weight / (samples * rho[k]!));
      }
      if (monotone) proximalMonotone(row, raters, levels, weight / (samples * rho[0]!));
      for (let k = 0; k < K; k++) {
        const at = i * K + k;
        const before = z.data[at]!;
        const after = row[k]!;
        u[at]! -= after;
        z.data[at] = after;
        residuals[k]!.add(predicted.data[at]!, after, before, u[at]!, 1);
      }
    }
    for (let j = 0; j < p; j++) {
      for (let k = 0; k < K; k++) {
        const at = j * K + k;
        const threshold = penalty[j]! / (rho[k]! * coupling);
        const before = v.data[at]!;
        const relaxed = RELAXATION * w.data[at]! + (1 - RELAXATION) * before;
        const s = relaxed + t[at]!;
        const after = Math.sign(s) * Math.max(0, Math.abs(s) - threshold);
        t[at]! += relaxed - after;
        v.data[at] = after;
        residuals[k]!.add(w.data[at]!, after, before, t[at]!, coupling);
      }
    }

    if (iteration % CHECK_EVERY !== 0 && iteration < maxIterations) continue;
    options.signal?.throwIfAborted();
    const balances = monotone ? [Residuals.of(residuals)] : residuals;
    const last = iteration >= maxIterations;
    if (iteration >= gapFrom || last) {
      gapFrom = iteration * GAP_EVERY;
      const multipliers = u.map((value, at) => rho[at % K]! * value);
      const gap = dualityGaps(sorted, samples, penalty, options, {
        ...{ split: z, multipliers, weights: v },
        predicted: await products.multiply(design, v),
        gradient: await products.multiplyTransposed(design, matrix(n, K, multipliers)),
      });
      // Crossing predictions may lie below the optimum: there the levels must be near their split too.
      options.onGap?.(iteration, gap);
      const converged =
        gap < tolerance && (!monotone || balances[0]!.relative().primal < tolerance);
      if (converged || last) return { weights: v, iterations: iteration, converged };
    }
    if (iteration < changeFrom) continue;
    const scales = levels.map((_, k) => (balances[k] ?? balances[0]!).step());
    if (scales.every((scale) => scale === 1)) continue;
    changeFrom = iteration * NEXT_CHANGE;
    for (const [k, scale] of scales.entries()) {
      rho[k]! *= scale;
      for (let at = k; at < n * K; at += K) u[at]! /= scale;
      for (let at = k; at < p * K; at += K) t[at]! /= scale;
    }
  }
}

/**
 * How far each level is above its optimum at most, as a share of its objective: the largest of the levels, or with
 * `monotone` that of all together. The multipliers of z = X W are subgradients of the loss at z, so that they bound
 * the optimum from below (Boyd et al. 2011, section 3.3); where X^T of them exceeds the penalty, by as much as the
 * weights there are large.
 */
function dualityGaps(
  labels: RaterLabels,
  samples: number,
  penalty: Float64Array,
  { levels, weights, monotone = false }: QuantileRegressionOptions,
  at: {
    readonly split: Matrix;
    readonly multipliers: Float64Array;
    readonly weights: Matrix;
    readonly predicted: Matrix;
    readonly gradient: Matrix;
  },
): number {
  const K = levels.length;
  const value = new Float64Array(K);
  const gap = new Float64Array(K);
  for (const [i, raters] of labels.entries()) {
    const weight = (weights?.[i] ?? 1) / samples;
    for (let k = 0; k < K; k++) {
      const n = i * K + k;
      const [z, prediction] = [at.split.data[n]!, at.predicted.data[n]!];
      let loss = 0;
      let bound = 0;
      for (const y of raters) {
        loss += pinball(y, prediction, levels[k]!);
        bound += pinball(y, z, levels[k]!);
      }
      value[k]! += weight * loss;
      gap[k]! += weight * (loss - bound) + at.multipliers[n]! * z;
    }
  }
  for (const [j, most] of penalty.entries()) {
    for (let k = 0; k < K; k++) {
      const n = j * K + k;
      const size = Math.abs(at.weights.data[n]!);
      const excess = Math.max(0, Math.abs(at.gradient.data[n]!) - most);
      value[k]! += most * size;
      gap[k]! += (most + excess) * size;
    }
  }
  const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);
  // Labels that are all the same are met exactly: there is no share of nothing.
  const share = (g: number, of: number): number => g / Math.max(of, 1e-9);
  return monotone
    ? share(sum(gap), sum(value))
    : Math.max(...gap.map((g, k) => share(g, value[k]!)));
}

/** ADMM's primal and dual residuals in the metric of the coupling, relative to what they compare. */
class Residuals {
  private gap = 0;
  private size = 0;
  private moved = 0;
  private multiplier = 0;

  add(exact: number, split: number, before: number, scaledDual: number, weight: number): void {
    this.gap += weight * (exact - split) ** 2;
    this.size += weight * Math.max(exact ** 2, split ** 2);
    this.moved += weight * (split - before) ** 2;
    this.multiplier += weight * scaledDual ** 2;
  }

  /** What the penalty is to be multiplied by. */
  step(): number {
    const { primal, dual } = this.relative();
    return primal > BALANCE * dual ? RHO_STEP : dual > BALANCE * primal ? 1 / RHO_STEP : 1;
  }

  /** Of several levels together. */
  static of(parts: readonly Residuals[]): Residuals {
    const all = new Residuals();
    for (const part of parts) {
      all.gap += part.gap;
      all.size += part.size;
      all.moved += part.moved;
      all.multiplier += part.multiplier;
    }
    return all;
  }

  relative(): { primal: number; dual: number } {
    return {
      primal: Math.sqrt(this.gap / (this.size || 1)),
      dual: Math.sqrt(this.moved / (this.multiplier || 1)),
    };
  }
}

/** What `fitQuantiles` minimises, divided by K: mean pinball loss plus the levels' mean L1 term. */
export function quantileObjective(
  design: Matrix,
  labels: RaterLabels,
  weights: Matrix,
  { levels, weights: counts, l1, unpenalised = [] }: QuantileRegressionOptions,
): number {
  const K = levels.length;
  let norm = 0;
  for (let at = 0; at < weights.data.length; at++) {
    if (!unpenalised.includes(Math.floor(at / K))) norm += Math.abs(weights.data[at]!);
  }
  return meanPinball(labels, multiply(design, weights), levels, counts) + (l1 * norm) / K;
}
