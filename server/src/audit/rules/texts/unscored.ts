import type { Rule } from '../rule.js';

export const unscored: Rule = {
  code: 'unscored',
  order: 90,
  description: 'The model could not score the response.',
  prepare:
    ({ table }) =>
    (i) => {
      const error = table.errors.get(i);
      if (error === undefined) return undefined;
      return { code: 'unscored', severity: 'warning', response: i, message: `Unscored: ${error}` };
    },
};
