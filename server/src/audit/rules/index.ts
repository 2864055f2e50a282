import type { ResponseFinding } from '../finding.js';
import { judgedBy, limitsOfTable, type Limits } from '../limits.js';
import type { ResponseTable } from '../table.js';
import type { Thresholds } from '../thresholds.js';
import { RULES } from './all.js';
import { drained, type Check, type Rule } from './rule.js';

export { RULES } from './all.js';
export type { Check, Rule, RuleContext, ThresholdSpec } from './rule.js';

export interface RulesContext {
  readonly table: ResponseTable;
  readonly thresholds: Thresholds;
  /** Level of the left tail, for messages. */
  readonly tau: number;
  /** What the thresholds mean for the table, where the caller knows; else the table is read. */
  readonly limits?: Limits;
}

/** A rule's check of each response of a table, made in steps. */
export function* prepareRule(
  rule: Rule,
  { table, tau, thresholds }: RulesContext,
  limits: Limits,
): Generator<undefined, Check> {
  const threshold = judgedBy(rule, thresholds, limits);
  const context = { table, tau, threshold, limits: limits.get(rule.code) ?? {} };
  return rule.preparing === undefined ? rule.prepare(context) : yield* rule.preparing(context);
}

/** The rules that can say something of a model with so many levels. */
export function rulesFor(
  levels: readonly number[],
  rules: readonly Rule[] = RULES,
): readonly Rule[] {
  return levels.length > 1 ? rules : rules.filter((rule) => !rule.needsDistribution);
}

/** The findings of each response, in the table's order. Nothing is kept: a caller may count or collect. */
export function* runRules(
  context: RulesContext,
  given: readonly Rule[] = RULES,
): Generator<ResponseFinding> {
  const { table, thresholds } = context;
  const rules = rulesFor(table.levels, given);
  const limits = context.limits ?? limitsOfTable(rules, table, thresholds);
  const checks = rules.map((rule) => drained(prepareRule(rule, context, limits)));
  for (let i = 0; i < table.length; i++) {
    if (table.removed(i)) continue;
    for (const check of checks) {
      const finding = check(i);
      if (finding !== undefined) yield finding;
    }
  }
}
