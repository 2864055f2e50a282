import type { Rule } from '../rule.js';

/** Of labels that are yes or no two modes are the rule, and say nothing of a response. */
const DEFAULT_MODES = 3;

export const multimodal: Rule = {
  code: 'multimodal',
  order: 50,
  description: 'The reward distribution has several peaks: raters would likely disagree.',
  needsDistribution: true,
  threshold: {
    name: 'modes',
    option: 'modes',
    default: { kind: 'absolute', value: DEFAULT_MODES },
    least: 2,
    edge: 'most',
    help: 'at least so many modes.',
    show: (limit) => `${limit} modes or more`,
  },
  prepare:
    ({ table, limits: { limit = DEFAULT_MODES } }) =>
    (i) => {
      const modes = table.modes.get(i);
      if (!(table.scored(i) && modes >= limit)) return undefined;
      return {
        code: 'multimodal',
        severity: 'info',
        response: i,
        message: `Multimodal: the distribution has ${modes} modes, at least ${limit} (fixed threshold).`,
      };
    },
};
