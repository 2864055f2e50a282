import type { EvaluatorInfo } from '../../engine/types.js';
import { SEVERITIES, type Finding, type FindingCode, type Severity } from '../finding.js';
import type { ResponseTable } from '../index.js';
import { BEATS } from '../figures.js';
import { judgedBy, type Limits } from '../limits.js';
import { MALFORMED } from '../malformed.js';
import { RULES, rulesFor } from '../rules/index.js';
import { inWords, MINIMUM_SAMPLE } from '../thresholds.js';
import { summarizeFigure, type FigureSummary } from './distribution.js';
import type { ReportedAudit } from './reported.js';
import { times, type Pace } from './pace.js';

/** A code with its findings, counted by severity. */
export interface CodeCount {
  readonly code: FindingCode;
  readonly description: string;
  readonly total: number;
  readonly bySeverity: Readonly<Record<Severity, number>>;
}

export interface Summary {
  readonly responses: number;
  readonly scored: number;
  /** Pairs that are scored. */
  readonly pairs: number;
  /** Are there pairs at all, scored or not? */
  readonly hasPairs: boolean;
  /** Share of the pairs in which chosen beats rejected more likely than not; NaN without pairs. */
  readonly preferred: number;
  readonly medianMean: number;
  /** The left tails of all responses. */
  readonly tails: FigureSummary;
  /** Codes with findings, in the order of the rules. */
  readonly codes: readonly CodeCount[];
  readonly bySeverity: Readonly<Record<Severity, number>>;
  /** Findings in all, and those of rows that could not be read; counted ones included. */
  readonly findings: number;
  readonly problems: number;
}

/** What each code means, in a sentence; in the order of reports. */
export const DESCRIPTIONS: readonly { code: FindingCode; description: string }[] = [
  ...RULES.map(({ code, description }) => ({ code, description })),
  { code: MALFORMED.code, description: MALFORMED.description },
];

/** @param codes the findings, counted */
export async function summarize(
  audit: ReportedAudit,
  codes: readonly CodeCount[],
  pace: Pace,
): Promise<Summary> {
  const { table } = audit;
  let [responses, pairs, preferred, hasPairs] = [0, 0, 0, false];
  const count = (i: number) => {
    if (audit.alive?.(i) === false) return;
    responses++;
    hasPairs ||= table.partner(i) !== undefined;
    const p = BEATS.of(table, i);
    if (Number.isNaN(p)) return;
    pairs++;
    if (p > 0.5) preferred++;
  };
  await times(table.length, count, pace);
  const figureOf = (column: ResponseTable['tail']) =>
    summarizeFigure(table.length, (i) => (table.scored(i) ? column.get(i) : Number.NaN), pace);
  const tails = await figureOf(table.tail);
  const sum = (severity: Severity) => codes.reduce((n, c) => n + c.bySeverity[severity], 0);
  return {
    responses,
    scored: tails.size,
    pairs,
    hasPairs,
    preferred: preferred / pairs,
    medianMean: (await figureOf(table.expectation)).median,
    tails,
    codes,
    bySeverity: { error: sum('error'), warning: sum('warning'), info: sum('info') },
    findings: codes.reduce((n, c) => n + c.total, 0),
    problems: codes.find((c) => c.code === 'malformed-row')?.total ?? 0,
  };
}

/** What a reader should know of the model before the figures: one sentence each. */
export function notesOn({ spec }: Pick<EvaluatorInfo, 'spec'>, weights: boolean): string[] {
  const notes: string[] = [];
  if (spec.levels.length === 1) {
    const silent = RULES.filter((rule) => rule.needsDistribution).map(({ code }) => code);
    notes.push(
      `The model gives one number a response (K = 1), not a distribution: ${silent.slice(0, -1).join(', ')} ` +
        `and ${silent.at(-1)} find nothing; P(chosen beats rejected) is the logistic of the scores' difference.`,
    );
  }
  if (spec.equalWeights && !weights) {
    const names = spec.attributes.slice(0, 6).join(', ');
    notes.push(
      `The model does not weigh its ${spec.attributes.length} attributes: the score is their plain mean; ` +
        `--weights NAME=NUMBER,… weighs them (${names}${spec.attributes.length > 6 ? ', …' : ''}).`,
    );
  }
  return notes;
}

/** Counts findings as they pass. */
export function countByCode() {
  const counts = new Map<string, Record<Severity, number>>();
  const add = (code: FindingCode, severity: Severity, n: number) => {
    const by = counts.get(code) ?? { error: 0, warning: 0, info: 0 };
    by[severity] += n;
    if (n > 0) counts.set(code, by);
  };
  return {
    add: ({ code, severity }: Finding): void => add(code, severity, 1),
    /** Of rows that could not be read and were only counted. */
    addProblems: (severity: Severity, n: number): void => add('malformed-row', severity, n),
    list: (): CodeCount[] =>
      DESCRIPTIONS.flatMap(({ code, description }) => {
        const bySeverity = counts.get(code);
        if (bySeverity === undefined) return [];
        const total = SEVERITIES.reduce((sum, severity) => sum + bySeverity[severity], 0);
        return [{ code, description, total, bySeverity }];
      }),
  };
}

/** The limits as they stand for this dataset, one for each code that has a threshold. */
export function thresholdsInWords(
  { thresholds, tau, table }: Pick<ReportedAudit, 'thresholds' | 'tau' | 'table'>,
  limits: Limits,
  { hasPairs }: Pick<Summary, 'hasPairs'>,
  otherwise?: ReadonlyMap<string, string>,
): string[] {
  return rulesFor(table.levels).flatMap((rule) => {
    const { threshold: spec, code } = rule;
    const threshold = judgedBy(rule, thresholds, limits);
    if (spec === undefined || threshold === undefined || (spec.ofPairs && !hasPairs)) return [];
    const other = otherwise?.get(code);
    if (other !== undefined) return `${code}: ${other}`;
    const { limit = Number.NaN } = limits.get(code) ?? {};
    if (Number.isNaN(limit))
      return `${code}: fewer than ${MINIMUM_SAMPLE} figures, too few for a relative threshold`;
    const words = spec.figure === undefined ? '' : ` (${inWords(threshold, spec.edge)})`;
    return `${code}: ${spec.show(limit, tau)}${words}`;
  });
}
