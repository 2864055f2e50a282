/** The finding that no rule makes: a piece of a file that is not a readable row. */
export const MALFORMED = {
  code: 'malformed-row',
  /** Among the rules', for lists of codes. */
  order: 80,
  description: 'A piece of the file is not a readable row.',
} as const;
