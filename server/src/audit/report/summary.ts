import { SEVERITIES, type Finding, type FindingCode, type Severity } from '../finding.js';
import type { Audit } from '../index.js';
import { figureValue, limitsOfTable } from '../limits.js';
import { RULES } from '../rules/index.js';
import { figure, percent, tailName } from '../rules/rule.js';
import { inWords } from '../settings.js';

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
  readonly pairs: number;
  /** Share of the pairs in which chosen beats rejected more likely than not; NaN without pairs. */
  readonly preferred: number;
  readonly medianMean: number;
  /** The left tails of all responses, ascending. */
  readonly tails: Float64Array;
  /** Codes with findings, in the order of the rules. */
  readonly codes: readonly CodeCount[];
}

/** What each code means, in a sentence; in the order of reports. */
export const DESCRIPTIONS: readonly { code: FindingCode; description: string }[] = [
  ...RULES.map(({ code, description }) => ({ code, description })),
  { code: 'malformed-row', description: 'A piece of the file is not a readable row.' },
];

export function summarize(audit: Audit, findings: readonly Finding[]): Summary {
  const { table } = audit;
  let [pairs, preferred] = [0, 0];
  for (let i = 0; i < table.length; i++) {
    const p = figureValue(table, 'beats', i);
    if (Number.isNaN(p)) continue;
    pairs++;
    if (p > 0.5) preferred++;
  }
  const tails = Float64Array.from(table.values(table.tail)).sort();
  return {
    responses: table.length,
    scored: tails.length,
    pairs,
    preferred: preferred / pairs,
    medianMean: median(Float64Array.from(table.values(table.expectation)).sort()),
    tails,
    codes: countByCode(findings),
  };
}

export const median = (sorted: Float64Array): number =>
  sorted.length === 0
    ? Number.NaN
    : ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;

function countByCode(findings: readonly Finding[]): CodeCount[] {
  const counts = new Map<string, number>();
  const key = (code: string, severity: string) => `${code} ${severity}`;
  for (const { code, severity } of findings) {
    counts.set(key(code, severity), (counts.get(key(code, severity)) ?? 0) + 1);
  }
  return DESCRIPTIONS.map(({ code, description }) => {
    const of = (severity: Severity) => counts.get(key(code, severity)) ?? 0;
    const bySeverity = { error: of('error'), warning: of('warning'), info: of('info') };
    const total = SEVERITIES.reduce((sum, severity) => sum + bySeverity[severity], 0);
    return { code, description, total, bySeverity };
  }).filter(({ total }) => total > 0);
}

/** The limits as they stand for this dataset. */
export function thresholdsInWords({ table, thresholds, tau }: Audit): string[] {
  const { tail, inverted, ambiguous, wide, modes, minimumSample } = thresholds;
  const limits = limitsOfTable(table);
  const say = (name: string, limit: number, show: (limit: number) => string, words: string) =>
    Number.isNaN(limit)
      ? `${name}: fewer than ${minimumSample} figures, too few for a relative threshold`
      : `${name}: ${show(limit)} (${words})`;
  const of = (name: 'tail' | 'beats' | 'closeness', threshold: typeof tail) =>
    limits(name, threshold, minimumSample);
  const widest = wide.kind === 'absolute' ? wide.value : -limits('narrowness', wide, minimumSample);
  const list = [
    say(
      'low-left-tail',
      of('tail', tail),
      (x) => `${tailName(tau)} ≤ ${figure(x)}`,
      inWords(tail, 'lowest'),
    ),
  ];
  if (hasPairs(table)) {
    list.push(
      say(
        'inverted-pair',
        of('beats', inverted),
        (x) => `P(chosen beats rejected) ≤ ${percent(Math.min(x, 0.5))}`,
        inWords(inverted, 'lowest'),
      ),
      say(
        'ambiguous-pair',
        of('closeness', ambiguous),
        (x) => `P within ${percent(x)} of 50 %`,
        inWords(ambiguous, 'closest'),
      ),
    );
  }
  list.push(
    say('wide-distribution', widest, (x) => `q95 − q05 ≥ ${figure(x)}`, inWords(wide, 'widest')),
    `multimodal: ${modes} modes or more`,
  );
  return list;
}

function hasPairs(table: Audit['table']): boolean {
  for (let i = 0; i < table.length; i++) if (table.partner(i) !== undefined) return true;
  return false;
}
