import { DEFAULT_CVAR_LEVEL } from './measure.js';
import { expectation } from './mixture.js';
import { quantileAt } from './quantile-function.js';
import { rearrange } from './rearrangement.js';
import { cvar, spread } from './tail.js';
import type { QrmSpec, RewardScore } from './types.js';
import { certaintyEquivalent, utility } from './utility.js';

/** One number of a distribution, by its name. */
export interface NamedReward {
  readonly name: string;
  /** In the reward's own unit, but for `utility`, which has none. */
  readonly of: (score: RewardScore) => number;
}

/** What `rewardNamed` takes, for messages. */
export const REWARD_NAMES =
  'mean, qNN (q05), cvarNN (cvar20), spread, ce(lambda=X), utility(lambda=X), attribute(NAME)';

/**
 * The reward of a name: `mean` (the published score), `q05` (a quantile, in percent, of the rearranged
 * curve), `cvar20` (the mean of the worst 20 %), `spread` (q95 - q05), `ce(lambda=2)` (certainty equivalent),
 * `utility(lambda=2)` (E[-exp(-lambda r)], Dorka 2024), `attribute(NAME)` (that attribute's mean).
 * @throws RangeError naming what was expected
 */
export function rewardNamed(name: string, spec: QrmSpec): NamedReward {
  const { levels, attributes } = spec;
  const sorted = (score: RewardScore) => rearrange(score.quantiles);
  const as = (of: NamedReward['of']): NamedReward => ({ name, of });
  if (name === 'mean') return as((score) => score.expectation);
  if (name === 'spread') return as((score) => spread(sorted(score), levels));
  const [, kind, digits] = /^(q|cvar)(\d{1,3}(?:\.\d+)?)$/.exec(name) ?? [];
  if (kind !== undefined) {
    const level = Number(digits) / 100;
    if (kind === 'q' && level > 0 && level < 1)
      return as((score) => quantileAt(sorted(score), levels, level));
    if (kind === 'cvar' && level > 0 && level <= 1)
      return as((score) => cvar(sorted(score), levels, level));
  }
  const [, risk, factor] = /^(ce|utility)\((?:lambda=)?([-+.\deE]+)\)$/.exec(name) ?? [];
  const lambda = Number(factor);
  if (risk !== undefined && Number.isFinite(lambda) && Math.abs(lambda) <= 1e6)
    return risk === 'ce'
      ? as((score) => certaintyEquivalent(sorted(score), lambda))
      : as((score) => utility(sorted(score), lambda));
  const attribute = attributes.indexOf(/^attribute\((.*)\)$/s.exec(name)?.[1] ?? '');
  if (attribute >= 0) {
    const K = levels.length;
    return as(({ attributeQuantiles }) =>
      expectation(attributeQuantiles.subarray(attribute * K, (attribute + 1) * K)),
    );
  }
  throw new RangeError(
    `no reward "${name.slice(0, 80)}"; expected ${REWARD_NAMES} with one of ${attributes.join(', ')}`,
  );
}

/** The tails that a run's logs want beside its reward. */
export const TAILS = ['q05', `cvar${100 * DEFAULT_CVAR_LEVEL}`] as const;
