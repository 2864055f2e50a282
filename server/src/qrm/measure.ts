import { expectation, mixture } from './mixture.js';
import { countModes } from './modes.js';
import { quantileAt } from './quantile-function.js';
import { countCrossings, rearrange } from './rearrangement.js';
import { cvar, spread } from './tail.js';
import type { RewardScore } from './types.js';
import { certaintyEquivalent } from './utility.js';

/** How a distribution is read. */
export interface MeasureOptions {
  /** Level of the left tail (0.05: q05). */
  readonly tau: number;
  /** Risk aversion of the certainty equivalent, in 1 / reward. */
  readonly lambda: number;
  /** Share of the worst rewards that CVaR averages; default `DEFAULT_CVAR_LEVEL`. */
  readonly cvarLevel?: number;
  /** Fixed attribute weights, length M, in place of the gate. */
  readonly weights?: readonly number[];
  /** `QrmSpec.pooled`: how the weights mix. */
  readonly pooled?: boolean;
}

/** The worst fifth: over the lowest level alone CVaR would only repeat the left tail. */
export const DEFAULT_CVAR_LEVEL = 0.2;
/** Level of the left tail: q05. */
export const DEFAULT_TAU = 0.05;
/** Risk aversion of the exponential utility. */
export const DEFAULT_LAMBDA = 1;

/** The figures of one distribution, in the reward's unit but for `modes` and `crossings`. */
export interface Measures {
  /** The rearranged (sorted) quantiles, length K. */
  readonly sorted: Float32Array;
  readonly expectation: number;
  /** q_tau. */
  readonly tail: number;
  readonly cvar: number;
  /** q95 - q05: the width of the middle 90 %. */
  readonly spread: number;
  readonly certaintyEquivalent: number;
  readonly modes: number;
  /** Adjacent levels whose raw quantiles cross. */
  readonly crossings: number;
}

/**
 * Every figure of a response at once.
 * @param levels the model's quantile levels (`QrmSpec.levels`), length K
 * @throws RangeError when weights or levels do not fit the score
 */
export function measure(
  score: RewardScore,
  levels: readonly number[],
  options: MeasureOptions,
): Measures {
  const { tau, lambda, weights, pooled, cvarLevel = DEFAULT_CVAR_LEVEL } = options;
  const raw = mixture(score, weights, pooled);
  if (raw.length !== levels.length) {
    throw new RangeError(`measure: ${raw.length} quantiles at ${levels.length} levels`);
  }
  const sorted = rearrange(raw);
  return {
    sorted,
    expectation: weights === undefined ? score.expectation : expectation(raw),
    tail: quantileAt(sorted, levels, tau),
    cvar: cvar(sorted, levels, cvarLevel),
    spread: spread(sorted, levels),
    certaintyEquivalent: certaintyEquivalent(sorted, lambda),
    modes: countModes(sorted, levels),
    crossings: countCrossings(raw),
  };
}
