import {
  constantQuantiles,
  meanPinball,
  type RaterLabels,
} from '../../evaluation/statistics/index.js';
import { inverse, matrix, multiply, type Matrix } from '../matrix/matrix.js';
import { proximalMonotone, proximalPinball } from './pinball.js';
import type { FloatMatrix, Products } from '../matrix/products.js';

export interface QuantileRegressionOptions {
  readonly levels: readonly number[];
  /** The factor of the weights' L1 norm, per level, against the mean pinball loss of that level. */
  readonly l1: number;
  /** Columns of the design that L1 leaves alone (the intercept). */
  readonly unpenalised?: readonly number[];
  /** Whether the levels' predictions must not cross on any row of the design (levels ascending). */
  readonly monotone?: boolean;
  readonly maxIterations?: number;
  /** Stops when both residuals, relative to what they compare, are below this. Default 1e-3. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal;
}

export interface QuantileFit {
  /** [columns, K]: the weights of each level. Exact zeros where L1 put them. */
  readonly weights: Matrix;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Weight of the constraint `weights = sparse weights` against `predictions = X weights`. */
const COUPLING = 30;
const RELAXATION = 1.6;
/** Residuals further apart than this change the penalty, by RHO_STEP (Boyd et al. 2011, section 3.4.1). */
const BALANCE = 10;
const RHO_STEP = 2;
const CHECK_EVERY = 10;
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
  const { levels, l1, unpenalised = [], maxIterations = 1000, tolerance = 1e-3 } = options;
  const { monotone = false } = options;
  const { rows: n, columns: p } = design;
  const K = levels.length;
  if (labels.length !== n) throw new RangeError(`${labels.length} labels for ${n} responses`);
  const sorted = labels.map((raters) => [...raters].sort((a, b) => a - b));
  const samples = sorted.reduce((count, raters) => count + raters.length, 0);
  if (samples === 0) throw new RangeError('quantile regression without labels');

  options.signal?.throwIfAborted();
  const inverted = inverse(await products.gram(design, COUPLING));
  const penalty = new Float64Array(p).fill(l1);
  for (const column of unpenalised) penalty[column] = 0;

  // Split variables z = X W and v = W with their scaled multipliers u and t.
  const start = constantQuantiles(labels, levels);
  const z = matrix(n, K);
  for (let i = 0; i < z.data.length; i++) z.data[i] = start[i % K]!;
  const u = new Float64Array(n * K);
  const v = matrix(p, K);
  const t = new Float64Array(p * K);
  const target = matrix(n, K);
  const row = new Float64Array(K);
  let rho = 0.5 / n;
  let changeFrom = 0;

  for (let iteration = 1; ; iteration++) {
    for (let i = 0; i < n * K; i++) target.data[i] = z.data[i]! - u[i]!;
    const right = await products.multiplyTransposed(design, target);
    for (let j = 0; j < p * K; j++) right.data[j]! += COUPLING * (v.data[j]! - t[j]!);
    const w = await products.multiply(inverted, right);
    const predicted = await products.multiply(design, w);

    const residual = new Residuals();
    for (let i = 0; i < n; i++) {
      const raters = sorted[i]!;
      const weight = 1 / (samples * rho);
      for (let k = 0; k < K; k++) {
        const at = i * K + k;
        u[at]! += RELAXATION * predicted.data[at]! + (1 - RELAXATION) * z.data[at]!;
        row[k] = monotone ? u[at]! : proximalPinball(u[at]!, raters, levels[k]!, weight);
      }
      if (monotone) proximalMonotone(row, raters, levels, weight);
      for (let k = 0; k < K; k++) {
        const at = i * K + k;
        const before = z.data[at]!;
        const after = row[k]!;
        u[at]! -= after;
        z.data[at] = after;
        residual.add(predicted.data[at]!, after, before, u[at]!, 1);
      }
    }
    for (let j = 0; j < p; j++) {
      const threshold = penalty[j]! / (rho * COUPLING);
      for (let k = 0; k < K; k++) {
        const at = j * K + k;
        const before = v.data[at]!;
        const relaxed = RELAXATION * w.data[at]! + (1 - RELAXATION) * before;
        const s = relaxed + t[at]!;
        const after = Math.sign(s) * Math.max(0, Math.abs(s) - threshold);
        t[at]! += relaxed - after;
        v.data[at] = after;
        residual.add(w.data[at]!, after, before, t[at]!, COUPLING);
      }
    }

    if (iteration % CHECK_EVERY !== 0 && iteration < maxIterations) continue;
    options.signal?.throwIfAborted();
    const { primal, dual } = residual.relative();
    const converged = primal < tolerance && dual < tolerance;
    if (converged || iteration >= maxIterations)
      return { weights: v, iterations: iteration, converged };
    const scale = primal > BALANCE * dual ? RHO_STEP : dual > BALANCE * primal ? 1 / RHO_STEP : 1;
    if (scale !== 1 && iteration >= changeFrom) {
      changeFrom = iteration * NEXT_CHANGE;
      rho *= scale;
      for (let i = 0; i < n * K; i++) u[i]! /= scale;
      for (let j = 0; j < p * K; j++) t[j]! /= scale;
    }
  }
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
  { levels, l1, unpenalised = [] }: QuantileRegressionOptions,
): number {
  const K = levels.length;
  let norm = 0;
  for (let at = 0; at < weights.data.length; at++) {
    if (!unpenalised.includes(Math.floor(at / K))) norm += Math.abs(weights.data[at]!);
  }
  return meanPinball(labels, multiply(design, weights), levels) + (l1 * norm) / K;
}
