/**
 * Statistics of evaluation and training: pure functions of numbers, without I/O.
 */
export { seeded, permutation } from './random.js';
export { groupedFolds, splitFold } from './folds.js';
export { constantQuantiles, meanPinball, pinball, type RaterLabels } from './pinball.js';
export { auroc, pearson, ranks, spearman } from './ranks.js';
export { coverage, crossingShare, means, quantileMiss, type QuantileRows } from './coverage.js';
export { judgeHead } from './rated.js';
export { numpyMean } from './numpy-mean.js';
export { wilson } from './proportion.js';
export {
  bootstrap,
  bootstrapP,
  cellMeans,
  interval,
  type BootstrapOptions,
  type Entries,
} from './bootstrap.js';
export { holm, mcnemar } from './paired-tests.js';
export { reliability, riskCoverage, type Decisions } from './confidence.js';
export type {
  AttributeFigures,
  Reliability,
  ReliabilityBin,
  RiskCoverage,
} from '../../protocol/index.js';
