import { decimals } from '../../../protocol/index.js';
import { SPREAD } from '../../figures.js';
import { DEFAULT_SHARE, inWords } from '../../thresholds.js';
import type { Rule } from '../rule.js';

export const wideDistribution: Rule = {
  code: 'wide-distribution',
  order: 40,
  description: 'The model is unsure: the reward distribution is unusually wide.',
  needsDistribution: true,
  threshold: {
    name: 'wide',
    option: 'wide-threshold',
    default: DEFAULT_SHARE,
    figure: SPREAD,
    edge: 'widest',
    help: "q95 − q05 at or above this. A number in the reward's unit, or a share of the file's own responses.",
    show: (limit) => `q95 − q05 ≥ ${decimals(limit)}`,
  },
  prepare:
    ({ table, threshold = DEFAULT_SHARE, limits: { limit = Number.NaN } }) =>
    (i) => {
      const s = table.spread.get(i);
      if (!(table.scored(i) && s >= limit)) return undefined;
      return {
        code: 'wide-distribution',
        severity: 'info',
        response: i,
        message: `Wide distribution: q95 − q05 is ${decimals(s)}, at or above ${decimals(limit)} (${inWords(threshold, 'widest')}).`,
      };
    },
};
