import { inWords } from '../settings.js';
import { limitsOf, percent, type Rule } from './rule.js';

export const ambiguousPair: Rule = {
  code: 'ambiguous-pair',
  description: 'The model can hardly tell chosen from rejected.',
  prepare(context) {
    const { table, thresholds } = context;
    const threshold = thresholds.ambiguous;
    const limit = limitsOf(context)('closeness', threshold, thresholds.minimumSample);
    return (i) => {
      const p = table.beats.get(i);
      if (!(Math.abs(p - 0.5) <= limit)) return undefined;
      return {
        code: 'ambiguous-pair',
        severity: 'info',
        response: i,
        related: table.partner(i),
        message: `Ambiguous pair: chosen beats rejected with probability ${percent(p)}, within ${percent(limit)} of 50 % (${inWords(threshold, 'closest')}).`,
      };
    };
  },
};
