import type { Rule } from '../rule.js';

export const truncated: Rule = {
  code: 'truncated',
  order: 60,
  remedy: 'remove',
  description: 'The conversation did not fit the context: its beginning was not read.',
  prepare:
    ({ table }) =>
    (i) => {
      const cut = table.truncated.get(i);
      if (!(table.scored(i) && cut > 0)) return undefined;
      return {
        code: 'truncated',
        severity: 'warning',
        response: i,
        message: `Truncated: ${cut} tokens were cut from the left of the prompt (threshold: any); ${table.tokens.get(i)} were read.`,
      };
    },
};
