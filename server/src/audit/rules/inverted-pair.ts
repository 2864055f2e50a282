import { inWords } from '../settings.js';
import { figure, limitsOf, percent, type Rule } from './rule.js';

export const invertedPair: Rule = {
  code: 'inverted-pair',
  description: 'The model finds the rejected response better than the chosen one.',
  prepare(context) {
    const { table, thresholds } = context;
    const threshold = thresholds.inverted;
    const limit = limitsOf(context)('beats', threshold, thresholds.minimumSample);
    return (i) => {
      const p = table.beats.get(i);
      if (!(p <= limit && p < 0.5)) return undefined;
      const other = table.partner(i);
      return {
        code: 'inverted-pair',
        severity: 'warning',
        response: i,
        related: other,
        message: `Inverted pair: chosen beats rejected with probability ${percent(p)}, at or below ${percent(limit)} (${inWords(threshold, 'lowest')}); expectations ${figure(table.expectation.get(i))} and ${figure(table.expectation.get(other ?? -1))}.`,
      };
    };
  },
};
