import { decimals, tailName } from '../../../protocol/index.js';
import { TAIL } from '../../figures.js';
import { DEFAULT_SHARE, inWords, MINIMUM_SAMPLE } from '../../thresholds.js';
import type { Rule } from '../rule.js';

/** An absolute threshold missed by more than this (reward units) is severe. */
const SEVERE_MARGIN = 0.1;

/** A rejected response is expected to be poor: it is reported as information only. */
export const lowLeftTail: Rule = {
  code: 'low-left-tail',
  order: 10,
  remedy: 'remove',
  description: 'The pessimistic end of the reward distribution is low: the response may be bad.',
  needsDistribution: true,
  threshold: {
    name: 'tail',
    option: 'tail-threshold',
    default: DEFAULT_SHARE,
    figure: TAIL,
    edge: 'lowest',
    help: "q_tau at or below this. A number in the reward's unit, or a share of the file's own responses such as `5%`.",
    show: (limit, tau) => `${tailName(tau)} ≤ ${decimals(limit)}`,
  },
  furtherLimits: (threshold) => ({
    severe:
      threshold.kind === 'absolute'
        ? {
            figure: TAIL,
            threshold: { kind: 'absolute', value: threshold.value - SEVERE_MARGIN },
          }
        : {
            figure: TAIL,
            threshold: { kind: 'relative', share: threshold.share / 5 },
            // A fifth of the share must still be more than the very lowest response.
            minimum: Math.max(MINIMUM_SAMPLE, Math.ceil(5 / threshold.share)),
          },
  }),
  prepare({ table, tau, threshold = DEFAULT_SHARE, limits }) {
    const { limit = Number.NaN, severe = Number.NaN } = limits;
    return (i) => {
      const q = table.tail.get(i);
      if (!(q <= limit)) return undefined;
      const bad = q <= severe;
      const severity = table.kindOf(i) === 'rejected' ? 'info' : bad ? 'error' : 'warning';
      return {
        code: 'low-left-tail',
        severity,
        response: i,
        message: `Low left tail: ${tailName(tau)} is ${decimals(q)}, at or below ${decimals(limit)} (${inWords(threshold, 'lowest')}${bad ? '; far below' : ''}).`,
      };
    };
  },
};
