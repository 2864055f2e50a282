/**
 * The mathematics of a quantile reward model's distributions: pure functions of numbers, without I/O
 * or dependencies, for the server and the webview alike.
 *
 * A model gives, for one response, the quantiles of M attributes at K levels; gate weights mix them
 * into the quantiles of the reward (`mixture`). These may cross: `rearrange` sorts them, and every
 * function below that takes `sorted` and `levels` reads them as the distribution whose quantile
 * function is linear between the levels and flat beyond (`quantileAt`, `cdfAt`). Arithmetic is in
 * float64, whatever the arrays hold.
 *
 * Sources: Dorka 2024, "Quantile Regression for Distributional Reward Models in RLHF"
 * (arXiv:2409.10164); Wang et al. 2024, "Interpretable Preferences via Multi-Objective Reward
 * Modeling and Mixture-of-Experts" (ArmoRM); Chernozhukov et al. 2010 (rearrangement); Rockafellar &
 * Uryasev 2000 (CVaR).
 */
export type { QrmSpec, ReferenceFigures, RewardScore } from './types.js';
export { checkLevels, uniformLevels } from './levels.js';
export { adjust, expectation, mixQuantiles, mixture, poolQuantiles } from './mixture.js';
export { countCrossings, rearrange } from './rearrangement.js';
export { cdfAt, quantileAt } from './quantile-function.js';
export { cvar, middleLevels, spread } from './tail.js';
export { certaintyEquivalent, utility } from './utility.js';
export { probabilityBeats } from './compare.js';
export { contributions, marginContributions, strongest } from './contributions.js';
export { bandwidth, density, densityCurve, grid, pieces, support } from './density.js';
export { countModes, modes } from './modes.js';
export {
  DEFAULT_CVAR_LEVEL,
  DEFAULT_LAMBDA,
  DEFAULT_TAU,
  measure,
  type MeasureOptions,
  type Measures,
} from './measure.js';
export { REWARD_NAMES, rewardNamed, TAILS, type NamedReward } from './reward-name.js';
