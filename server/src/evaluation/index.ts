/** Benchmarks' scoring rules, honest comparison of models, and what their distributions are worth. */
export { readingsOf, fixedWeights } from './readings.js';
export { Evaluation } from './run.js';
export type { EvaluationProblem, EvaluationSource, RowSpec, ScoredItem } from './run-types.js';
export { resultOf } from './evaluate.js';
export { DEFAULT_REPLICATES, type EvaluateOptions } from './options.js';
export type * from '../protocol/evaluation.js';
export { SUITES, suiteOf, type SuiteName } from './suites/index.js';
export { ASSUMPTIONS, passportWords, type Passport } from './passport/passport.js';
export { passportEntries } from './passport/samples.js';
export { readPassport, writePassport } from './passport/store.js';
export { withFindingLabels, type FindingLabel } from './passport/findings.js';
