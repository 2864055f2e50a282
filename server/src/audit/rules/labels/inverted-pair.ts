import { decimals, percent } from '../../../protocol/index.js';
import { BEATS } from '../../figures.js';
import { DEFAULT_SHARE, inWords } from '../../thresholds.js';
import type { Rule } from '../rule.js';

export const invertedPair: Rule = {
  code: 'inverted-pair',
  order: 20,
  remedy: 'swap',
  description: 'The model finds the rejected response better than the chosen one.',
  threshold: {
    name: 'inverted',
    option: 'inverted-threshold',
    default: DEFAULT_SHARE,
    figure: BEATS,
    edge: 'lowest',
    ofPairs: true,
    help: "P(chosen beats rejected) at or below this (and below ½). A probability, or a share of the file's own pairs.",
    show: (limit) => `P(chosen beats rejected) ≤ ${percent(Math.min(limit, 0.5))}`,
  },
  prepare:
    ({ table, threshold = DEFAULT_SHARE, limits: { limit = Number.NaN } }) =>
    (i) => {
      const p = table.beats.get(i);
      if (!(p <= limit && p < 0.5)) return undefined;
      const other = table.partner(i);
      return {
        code: 'inverted-pair',
        severity: 'warning',
        response: i,
        related: other,
        message: `Inverted pair: chosen beats rejected with probability ${percent(p)}, at or below ${percent(limit)} (${inWords(threshold, 'lowest')}); expectations ${decimals(table.expectation.get(i))} and ${decimals(table.expectation.get(other ?? -1))}.`,
      };
    },
};
