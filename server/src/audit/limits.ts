import type { Figure } from './figures.js';
import type { Ask, Rule, RuleLimits } from './rules/rule.js';
import type { ResponseTable } from './table.js';
import {
  MINIMUM_SAMPLE,
  referred,
  resolve,
  type Threshold,
  type Thresholds,
} from './thresholds.js';
import type { ReferenceFigures } from '../qrm/types.js';

/** The limits of every rule, by its code. */
export class Limits extends Map<string, RuleLimits> {
  /** Rules for whose shares the data set has too few figures: of what the limits are taken, in words. */
  readonly referred = new Map<string, string>();
}

const thresholdOf = (rule: Rule, thresholds: Thresholds): Threshold | undefined =>
  rule.threshold && (thresholds[rule.threshold.name] ?? rule.threshold.default);

/** The same with what its share is of, for words. */
export function judgedBy(
  rule: Rule,
  thresholds: Thresholds,
  { referred }: Limits,
): Threshold | undefined {
  const threshold = thresholdOf(rule, thresholds);
  const of = referred.get(rule.code);
  return of === undefined || threshold?.kind !== 'relative' ? threshold : { ...threshold, of };
}

/** Every limit that a rule judges by, by name. */
export function asksOf(rule: Rule, thresholds: Thresholds): Readonly<Record<string, Ask>> {
  const threshold = thresholdOf(rule, thresholds);
  if (threshold === undefined) return {};
  return {
    limit: { figure: rule.threshold?.figure, threshold },
    ...rule.furtherLimits?.(threshold),
  };
}

/**
 * Answers each question of each rule.
 * @param answer gives the limit of a relative threshold; NaN where there are fewer figures than `minimum`
 * @param reference what a share means then
 */
export function limitsOf(
  rules: readonly Rule[],
  thresholds: Thresholds,
  answer: (figure: Figure, share: number, minimum: number) => number,
  reference?: ReferenceFigures,
): Limits {
  const limits = new Limits();
  const answers = new Map<string, number>();
  // An answer may read the whole table.
  const own = (figure: Figure, share: number, minimum: number): number => {
    const key = `${figure.name} ${share} ${minimum}`;
    const known = answers.get(key) ?? answer(figure, share, minimum);
    answers.set(key, known);
    return known;
  };
  for (const rule of rules) {
    const asks = Object.entries(asksOf(rule, thresholds));
    const threshold = thresholdOf(rule, thresholds);
    const figure = rule.threshold?.figure;
    if (
      reference !== undefined &&
      figure !== undefined &&
      threshold?.kind === 'relative' &&
      Number.isNaN(own(figure, threshold.share, MINIMUM_SAMPLE)) &&
      !Number.isNaN(referred(reference, figure.name, threshold.share))
    ) {
      const known = asks.map(([name, { figure: f, threshold: t }]) => [
        name,
        t.kind === 'absolute' ? t.value : referred(reference, f?.name ?? '', t.share),
      ]);
      limits.set(rule.code, Object.fromEntries(known) as RuleLimits);
      limits.referred.set(rule.code, reference.of);
      continue;
    }
    const found = asks.map(([name, { figure, threshold, minimum = MINIMUM_SAMPLE }]) => {
      if (threshold.kind === 'absolute') return [name, threshold.value] as const;
      // A share of what has no figure has no meaning.
      if (figure === undefined) return [name, Number.NaN] as const;
      return [name, own(figure, threshold.share, minimum)] as const;
    });
    limits.set(rule.code, Object.fromEntries(found));
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
  return limitsOf(
    rules,
    thresholds,
    (figure, share, minimum) =>
      resolve({ kind: 'relative', share }, values(figure), minimum, figure.end === 'high'),
    table.reference,
  );
}
