import type { ResponseFinding } from '../finding.js';
import { ambiguousPair } from './ambiguous-pair.js';
import { duplicateResponse } from './duplicate-response.js';
import { invertedPair } from './inverted-pair.js';
import { lowLeftTail } from './low-left-tail.js';
import { multimodal } from './multimodal.js';
import type { Rule, RuleContext } from './rule.js';
import { truncated } from './truncated.js';
import { unscored } from './unscored.js';
import { wideDistribution } from './wide-distribution.js';

export const RULES: readonly Rule[] = [
  lowLeftTail,
  invertedPair,
  ambiguousPair,
  wideDistribution,
  multimodal,
  truncated,
  duplicateResponse,
  unscored,
];

/** The findings of each response, in the table's order. Nothing is kept: a caller may count or collect. */
export function* runRules(context: RuleContext): Generator<ResponseFinding> {
  const checks = RULES.map((rule) => rule.prepare(context));
  for (let i = 0; i < context.table.length; i++) {
    for (const check of checks) {
      const finding = check(i);
      if (finding !== undefined) yield finding;
    }
  }
}
