import type { Rule } from './rule.js';

export const multimodal: Rule = {
  code: 'multimodal',
  description: 'The reward distribution has several peaks: raters would likely disagree.',
  prepare:
    ({ table, thresholds }) =>
    (i) => {
      const modes = table.modes.get(i);
      if (!(table.scored(i) && modes >= thresholds.modes)) return undefined;
      return {
        code: 'multimodal',
        severity: 'info',
        response: i,
        message: `Multimodal: the distribution has ${modes} modes, at least ${thresholds.modes} (fixed threshold).`,
      };
    },
};
