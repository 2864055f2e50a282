/**
 * Statistics of evaluation and training: pure functions of numbers, without I/O.
 */
export { seeded, permutation } from './random.js';
export { groupedFolds, splitFold } from './folds.js';
export {
  constantQuantiles,
  labelWeights,
  meanPinball,
  pinball,
  totalWeight,
  type LabelWeights,
  type RaterLabels,
} from './pinball.js';
export { auroc, ranks, spearman } from './ranks.js';
export { coverage, crossingShare, means, quantileMiss, type QuantileRows } from './coverage.js';
export { judgeHead } from './rated.js';
export { numpyMean } from './numpy-mean.js';
export { wilson } from './proportion.js';
export {
  bootstrap,
  bootstrapP,
  cellMeans,
  interval,
  replicateSteps,
  type BootstrapOptions,
} from './resampling/bootstrap.js';
export { Contents, type Entries } from './resampling/contents.js';
export { binomial, drawEach } from './resampling/draws.js';
export { StepPacer } from './resampling/step-pacer.js';
export { Ranked } from './resampling/ranked.js';
export { RankPair } from './resampling/rank-pair.js';
export { RiskOrder } from './resampling/risk.js';
export { holm, mcnemar } from './paired-tests.js';
export { reliability, type Decisions } from './confidence.js';
export type {
  AttributeFigures,
  Reliability,
  ReliabilityBin,
  RiskCoverage,
} from '../../protocol/index.js';
