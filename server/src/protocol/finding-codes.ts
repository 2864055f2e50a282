// Made by `npm run generate` from the rules; the order is that of reports and of columns of codes.
export const FINDING_CODES = [
  'low-left-tail',
  'inverted-pair',
  'ambiguous-pair',
  'wide-distribution',
  'multimodal',
  'truncated',
  'duplicate-response',
  'malformed-row',
  'unscored',
  'contrary-label',
  'contradictory-pair',
  'preference-cycle',
  'near-duplicate',
] as const;
