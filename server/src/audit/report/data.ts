import type { Finding } from '../finding.js';
import type { Report } from './model.js';

/** A finding as json, jsonl and csv give it. Lines and columns from 1, bytes from 0. */
export function plainFinding(report: Report, finding: Finding) {
  const { audit, texts } = report;
  const { table } = audit;
  const of = (i: number) => ({
    file: audit.sources[table.file.get(i)]?.path ?? '',
    row: table.row.get(i),
    ...plainPlace(table.place(i)),
  });
  if (!('response' in finding)) {
    return {
      code: finding.code,
      severity: finding.severity,
      message: finding.message,
      file: audit.sources[finding.file]?.path ?? '',
      row: finding.problem.index ?? null,
      ...plainPlace(finding.problem.place),
    };
  }
  const i = finding.response;
  return {
    code: finding.code,
    severity: finding.severity,
    message: finding.message,
    ...of(i),
    ...plainResponse(report, i),
    excerpt: texts.get(i) ?? '',
    ...(finding.related === undefined ? {} : { related: of(finding.related) }),
  };
}

function plainPlace(p: { line: number; column: number; start: number; end: number }) {
  return { line: p.line + 1, column: p.column + 1, start: p.start, end: p.end };
}

function plainResponse({ audit: { table } }: Report, i: number) {
  const finite = (x: number) => (table.scored(i) && Number.isFinite(x) ? x : null);
  const beats = table.beats.get(i);
  return {
    kind: table.kindOf(i),
    label: table.label(i),
    hash: table.hash(i),
    tail: finite(table.tail.get(i)),
    cvar: finite(table.cvar.get(i)),
    expectation: finite(table.expectation.get(i)),
    certaintyEquivalent: finite(table.certaintyEquivalent.get(i)),
    spread: finite(table.spread.get(i)),
    chosenBeatsRejected: Number.isNaN(beats) ? null : beats,
  };
}

function heading(report: Report) {
  const { info, audit } = report;
  return {
    tool: 'qrm-lens',
    version: report.version,
    model: info.modelName,
    modelHash: info.modelHash,
    precision: info.precision,
    executionProvider: info.executionProvider,
    tau: audit.tau,
    thresholds: audit.thresholds,
    responses: audit.table.length,
    files: audit.sources.map(({ path }, n) => ({ path, error: audit.unreadable.get(n) ?? null })),
  };
}

/** One JSON document: `{tool, …, responses, files, riskiest, findings}`. */
export function* jsonReport(report: Report): Generator<string> {
  const { table, sources } = report.audit;
  const head = JSON.stringify(heading(report), null, 2);
  yield `${head.slice(0, -2)},\n  "riskiest": [`;
  const rows = report.ranked.map((i) =>
    JSON.stringify({
      file: sources[table.file.get(i)]?.path ?? '',
      row: table.row.get(i),
      ...plainPlace(table.place(i)),
      ...plainResponse(report, i),
      quantiles: [...table.quantiles(i)],
      findings: (report.byResponse.get(i) ?? []).map((f) => f.code),
      excerpt: report.texts.get(i) ?? '',
    }),
  );
  yield* commaLines(rows);
  yield '  ],\n  "findings": [';
  yield* commaLines(report.findings.map((f) => JSON.stringify(plainFinding(report, f))));
  yield '  ]\n}';
}

function* commaLines(lines: readonly string[]): Generator<string> {
  for (const [n, line] of lines.entries()) yield `    ${line}${n + 1 < lines.length ? ',' : ''}`;
}

/** One finding a line. */
export function* jsonlReport(report: Report): Generator<string> {
  for (const finding of report.findings) yield JSON.stringify(plainFinding(report, finding));
}

const CSV = [
  'code',
  'severity',
  'file',
  'line',
  'column',
  'row',
  'kind',
  'label',
  'tail',
  'cvar',
  'expectation',
  'certaintyEquivalent',
  'spread',
  'chosenBeatsRejected',
  'hash',
  'message',
  'excerpt',
] as const;

/** RFC 4180. Text that a spreadsheet would take for a formula gets an apostrophe before it. */
export function* csvReport(report: Report): Generator<string> {
  yield CSV.join(',');
  for (const finding of report.findings) {
    const plain: Record<string, unknown> = plainFinding(report, finding);
    yield CSV.map((name) => cell(plain[name])).join(',');
  }
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
