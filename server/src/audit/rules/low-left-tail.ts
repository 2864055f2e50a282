import { inWords } from '../settings.js';
import { figure, limitsOf, tailName, type Rule } from './rule.js';

/** A rejected response is expected to be poor: it is reported as information only. */
export const lowLeftTail: Rule = {
  code: 'low-left-tail',
  description: 'The pessimistic end of the reward distribution is low: the response may be bad.',
  prepare(context) {
    const { table, thresholds, tau } = context;
    const limits = limitsOf(context);
    const { tail, severeMargin, minimumSample } = thresholds;
    const limit = limits('tail', tail, minimumSample);
    const severe =
      tail.kind === 'absolute'
        ? limit - severeMargin
        : limits(
            'tail',
            { kind: 'relative', share: tail.share / 5 },
            // A fifth of the share must still be more than the very lowest response.
            Math.max(minimumSample, Math.ceil(5 / tail.share)),
          );
    return (i) => {
      const q = table.tail.get(i);
      if (!(q <= limit)) return undefined;
      const bad = q <= severe;
      const severity = table.kindOf(i) === 'rejected' ? 'info' : bad ? 'error' : 'warning';
      return {
        code: 'low-left-tail',
        severity,
        response: i,
        message: `Low left tail: ${tailName(tau)} is ${figure(q)}, at or below ${figure(limit)} (${inWords(tail, 'lowest')}${bad ? '; far below' : ''}).`,
      };
    };
  },
};
