import { csvCell, strictJson } from './escape.js';
import type { Listed, Report } from './model.js';

/** A finding as json, jsonl and csv give it. Lines and columns from 1, bytes from 0. */
export function plainFinding(report: Report, { finding, text }: Listed) {
  const { audit } = report;
  const { table } = audit;
  const of = (i: number) => ({
    file: audit.sources[table.file.get(i)]?.path ?? '',
    row: report.row(i),
    ...plainPlace(report.place(i)),
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
    excerpt: text ?? '',
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

/** One of `Report.ranked`, as json gives it. */
export function plainRanked(report: Report, i: number) {
  const { table, sources } = report.audit;
  return {
    file: sources[table.file.get(i)]?.path ?? '',
    row: report.row(i),
    ...plainPlace(report.place(i)),
    ...plainResponse(report, i),
    quantiles: [...table.quantiles(i)],
    findings: (report.byResponse.get(i) ?? []).map((f) => f.code),
    excerpt: report.texts.get(i) ?? '',
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
    responses: report.summary.responses,
    // More than `findings` holds where so many rows could not be read that only the first are listed.
    findingsInAll: report.summary.findings,
    findingsNotListed: audit.moreProblems,
    files: audit.sources.map(({ path }, n) => ({ path, error: audit.unreadable.get(n) ?? null })),
  };
}

/** One JSON document: `{tool, …, responses, files, riskiest, findings}`. */
export async function* jsonReport(report: Report): AsyncGenerator<string> {
  const head = strictJson(heading(report), 2);
  yield `${head.slice(0, -2)},\n  "riskiest": [`;
  yield* commaSeparated(report.ranked, (i) => strictJson(plainRanked(report, i)));
  yield '  ],\n  "findings": [';
  yield* commaSeparated(report.listed(), (item) => strictJson(plainFinding(report, item)));
  yield '  ]\n}';
}

/** Elements of a JSON array, one a line: line by line, as no string can hold a million. */
export async function* commaSeparated<T>(
  items: Iterable<T> | AsyncIterable<T>,
  write: (item: T) => string,
): AsyncGenerator<string> {
  let waiting: string | undefined;
  for await (const item of items) {
    if (waiting !== undefined) yield `    ${waiting},`;
    waiting = write(item);
  }
  if (waiting !== undefined) yield `    ${waiting}`;
}

/** One finding a line. */
export async function* jsonlReport(report: Report): AsyncGenerator<string> {
  for await (const item of report.listed()) yield strictJson(plainFinding(report, item));
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

export async function* csvReport(report: Report): AsyncGenerator<string> {
  yield CSV.join(',');
  for await (const item of report.listed()) {
    const plain: Record<string, unknown> = plainFinding(report, item);
    yield CSV.map((name) => csvCell(plain[name])).join(',');
  }
}
