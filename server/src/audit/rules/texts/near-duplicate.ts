import { percent } from '../../../protocol/index.js';
import { likeness, nearDuplicates, NO_OTHER } from '../../../similarity/index.js';
import type { Thresholds } from '../../thresholds.js';
import { duplicateResponse } from './duplicate-response.js';
import { drained, type Check, type Rule, type RuleContext, type ThresholdSpec } from '../rule.js';

/** Per cent of the shingles of both texts, where somebody asks for near-duplicates and says no more. */
export const NEAR_PERCENT = 80;

const threshold: ThresholdSpec = {
  name: 'nearDuplicate',
  option: 'near-duplicate',
  // Off: a sketch is 96 bytes and takes a quarter of a microsecond a word, and many data sets have none.
  default: { kind: 'absolute', value: 0 },
  least: 0,
  most: 100,
  edge: 'most',
  help: 'at least so many per cent of the shingles (three words) of both prompts, and of both responses, are the same, such as 80; 0 looks for none.',
  show: (limit) => (limit > 0 ? `${limit} % of shingles or more` : 'off'),
};

/** Does an audit with these thresholds look for near-duplicates, so that it needs sketches? */
export function seeksNearDuplicates(thresholds: Thresholds): boolean {
  const { kind, ...given } = thresholds[threshold.name] ?? threshold.default;
  return kind === 'absolute' && 'value' in given && given.value > 0;
}

function* preparing({
  table,
  tau,
  limits: { limit = 0 },
}: RuleContext): Generator<undefined, Check> {
  if (!table.sketched || !(limit > 0)) return () => undefined;
  const { length, sketchWord: word } = table;
  const copied = duplicateResponse.prepare({ table, tau, threshold: undefined, limits: {} });
  const absent = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    if (i % 1024 === 0) yield;
    // Copies are `duplicate-response`.
    absent[i] = table.removed(i) || copied(i) !== undefined ? 1 : 0;
  }
  const first = yield* nearDuplicates(
    length,
    word,
    limit / 100,
    (i) => absent[i] === 1,
    // Of one row chosen and rejected may be as alike as they like.
    (i, other) =>
      table.row.get(i) !== table.row.get(other) || table.file.get(i) !== table.file.get(other),
  );
  return (i) => {
    const other = first[i] ?? NO_OTHER;
    if (other === NO_OTHER || table.removed(other)) return undefined;
    const { response, prompt } = likeness(word, i, other);
    const where = `row ${table.row.get(other) + 1}${table.file.get(i) === table.file.get(other) ? '' : ' of another file'}`;
    return {
      code: 'near-duplicate',
      severity: 'info',
      response: i,
      related: other,
      message: `Near-duplicate: about ${percent(response, 0)} of this response and ${percent(prompt, 0)} of its prompt are those of ${where} (threshold: ${limit} %).`,
    };
  };
}

export const nearDuplicate: Rule = {
  code: 'near-duplicate',
  order: 130,
  ofTexts: true,
  description: 'Nearly the same response to nearly the same prompt occurs before.',
  threshold,
  prepare: (context) => drained(preparing(context)),
  preparing,
};
