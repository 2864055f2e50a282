/**
 * What training on an objective would do to a policy, from samples of it: pure functions of numbers, without I/O, for
 * the server and the webview alike.
 *
 * The policy that maximises E[score] - beta KL(pi, pi_ref) is pi(y) ~ pi_ref(y) exp(score(y) / beta) (Korbak et al.
 * 2022; Rafailov et al. 2023); on samples of pi_ref it is a set of weights (`tilt`). Best-of-k is the policy that
 * draws k and gives the best (`bestOf`). Scores are readings of a distribution of rewards: the mean, a quantile, CVaR,
 * the certainty equivalent (Dorka 2024, section 3.5).
 *
 * A training that fears the worst distribution P within KL of the model's own has
 * min_P E_P[r] + beta KL(P, model) = -beta log E[exp(-r / beta)] for its reward: the certainty equivalent with
 * lambda = 1 / beta (Donsker & Varadhan; arXiv:2606.09073).
 */
export * from './samples.js';
export * from './objectives.js';
export * from './figures.js';
export { PromptBootstrap, type Estimate } from './bootstrap.js';
export { tilt, tiltedWeights, type PromptEstimates, type Tilted } from './tilting.js';
export { bestOf, bestOfKl, bestOfWeights, extreme } from './best-of.js';
export { BetaSolver, spreadWithin } from './solve.js';
export { pointOf, type Figures, type Point } from './point.js';
export { lambdaGrid, type LambdaPoint, type LambdaScan } from './scan.js';
export {
  defaultBudget,
  preview,
  previewing,
  type ObjectivePreview,
  type PolicyPreview,
  type PreviewOptions,
} from './preview.js';
