import type { Figure } from './figures.js';
import type { Ask, Rule, RuleLimits } from './rules/rule.js';
import type { ResponseTable } from './table.js';
import { MINIMUM_SAMPLE, resolve, type Threshold, type Thresholds } from './thresholds.js';

/** The limits of every rule, by its code. */
export type Limits = ReadonlyMap<string, RuleLimits>;

export const thresholdOf = (rule: Rule, thresholds: Thresholds): Threshold | undefined =>
  rule.threshold && (thresholds[rule.threshold.name] ?? rule.threshold.default);

/** Every limit that a rule judges by, by name. */
export function asksOf(rule: Rule, thresholds: Thresholds): Readonly<Record<string, Ask>> {
  const threshold = thresholdOf(rule, thresholds);
  if (threshold === undefined) return {};
  return {
    limit: { figure: rule.threshold?.figure, threshold },
    ...rule.furtherLimits?.(threshold),
  };
}

/** Answers each question of each rule. @param answer gives the limit of a relative threshold */
export function limitsOf(
  rules: readonly Rule[],
  thresholds: Thresholds,
  answer: (figure: Figure, share: number, minimum: number) => number,
): Limits {
  const limits = new Map<string, RuleLimits>();
  for (const rule of rules) {
    const asks = Object.entries(asksOf(rule, thresholds));
    const answers = asks.map(([name, { figure, threshold, minimum = MINIMUM_SAMPLE }]) => {
      if (threshold.kind === 'absolute') return [name, threshold.value] as const;
      // A share of what has no figure has no meaning.
      if (figure === undefined) return [name, Number.NaN] as const;
      return [name, answer(figure, threshold.share, minimum)] as const;
    });
    limits.set(rule.code, Object.fromEntries(answers));
  }
  return limits;
}

/** Reads the whole table for each figure. */
export function limitsOfTable(
  rules: readonly Rule[],
  table: ResponseTable,
  thresholds: Thresholds,
): Limits {
  function* values(figure: Figure) {
    for (let i = 0; i < table.length; i++) yield figure.of(table, i);
  }
  return limitsOf(rules, thresholds, (figure, share, minimum) =>
    resolve({ kind: 'relative', share }, values(figure), minimum, figure.end === 'high'),
  );
}
