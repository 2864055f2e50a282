import { percent } from '../../../protocol/index.js';
import { CLOSENESS } from '../../figures.js';
import { DEFAULT_SHARE, inWords } from '../../thresholds.js';
import type { Rule } from '../rule.js';

export const ambiguousPair: Rule = {
  code: 'ambiguous-pair',
  order: 30,
  remedy: 'swap',
  description: 'The model can hardly tell chosen from rejected.',
  threshold: {
    name: 'ambiguous',
    option: 'ambiguous-threshold',
    default: DEFAULT_SHARE,
    figure: CLOSENESS,
    edge: 'closest',
    ofPairs: true,
    help: "distance of P(chosen beats rejected) from ½ at or below this. A probability, or a share of the file's own pairs.",
    show: (limit) => `P within ${percent(limit)} of 50 %`,
  },
  prepare:
    ({ table, threshold = DEFAULT_SHARE, limits: { limit = Number.NaN } }) =>
    (i) => {
      const p = table.beats.get(i);
      if (!(Math.abs(p - 0.5) <= limit)) return undefined;
      return {
        code: 'ambiguous-pair',
        severity: 'info',
        response: i,
        related: table.partner(i),
        message: `Ambiguous pair: chosen beats rejected with probability ${percent(p)}, within ${percent(limit)} of 50 % (${inWords(threshold, 'closest')}).`,
      };
    },
};
