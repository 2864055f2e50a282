import { inWords } from '../settings.js';
import { figure, limitsOf, type Rule } from './rule.js';

export const wideDistribution: Rule = {
  code: 'wide-distribution',
  description: 'The model is unsure: the reward distribution is unusually wide.',
  prepare(context) {
    const { table, thresholds } = context;
    const threshold = thresholds.wide;
    const limit =
      threshold.kind === 'absolute'
        ? threshold.value
        : -limitsOf(context)('narrowness', threshold, thresholds.minimumSample);
    return (i) => {
      const s = table.spread.get(i);
      if (!(table.scored(i) && s >= limit)) return undefined;
      return {
        code: 'wide-distribution',
        severity: 'info',
        response: i,
        message: `Wide distribution: q95 − q05 is ${figure(s)}, at or above ${figure(limit)} (${inWords(threshold, 'widest')}).`,
      };
    };
  },
};
