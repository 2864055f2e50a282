import type {
  AuditSummary,
  ColumnBatch,
  FindingBatch,
  ResponseText,
  TextsParams,
} from '../../../server/src/protocol/index.js';
import { Document } from '../../../webview/src/data/documents.js';
import type { Host } from '../../../webview/src/host.js';

export interface Row {
  readonly id: number;
  readonly expectation?: number;
  readonly tail?: number;
  readonly margin?: number;
  readonly beats?: number;
  readonly kind?: number;
  readonly line?: number;
  readonly partner?: number;
}

export function batch(rows: readonly Row[], epoch = 1, uri = 'file:///a.jsonl'): ColumnBatch {
  const floats = (of: (r: Row) => number | undefined) =>
    Float32Array.from(rows, (r) => of(r) ?? Number.NaN);
  const words = (of: (r: Row) => number) => Uint32Array.from(rows, of);
  return {
    uri,
    epoch,
    next: rows.length,
    ids: words((r) => r.id),
    expectation: floats((r) => r.expectation),
    tail: floats((r) => r.tail),
    cvar: floats((r) => r.tail),
    spread: floats(() => 0.2),
    certaintyEquivalent: floats((r) => r.expectation),
    beats: floats((r) => r.beats),
    margin: floats((r) => r.margin),
    kind: Uint8Array.from(rows, (r) => r.kind ?? 2),
    modes: Uint8Array.from(rows, () => 1),
    row: words((r) => r.id),
    line: words((r) => r.line ?? r.id),
    conversation: words(() => 0),
    target: words(() => 1),
    partner: words((r) => r.partner ?? 0xffffffff),
    tokens: words(() => 10),
  };
}

export type FindingRow = readonly [response: number, code: number, severity: number];
export function findings(rows: readonly FindingRow[], from = 0, total = rows.length): FindingBatch {
  return {
    uri: 'file:///a.jsonl',
    epoch: 1,
    findingsRevision: 1,
    total,
    from,
    response: rows.map((r) => r[0]),
    code: rows.map((r) => r[1]),
    severity: rows.map((r) => r[2]),
  };
}

export function summary(part: Partial<AuditSummary> = {}): AuditSummary {
  return {
    uri: 'file:///a.jsonl',
    state: 'done',
    epoch: 1,
    revision: 0,
    findingsRevision: 1,
    rows: 0,
    responses: 0,
    live: part.scored ?? 0,
    scored: 0,
    fromStore: 0,
    rate: 0,
    secondsLeft: null,
    fraction: null,
    counts: {},
    thresholds: [],
    tau: 0.05,
    lambda: 1,
    cvarLevel: 0.2,
    ...part,
  };
}

export function documentOf(rows: readonly Row[], found: readonly FindingRow[] = []): Document {
  const d = new Document(summary(), 'a.jsonl');
  d.addColumns(batch(rows));
  d.addFindings(findings(found));
  return d;
}

/** A host that keeps the requests for texts, and answers them. */
export function fakeHost(answer: (asked: TextsParams) => readonly ResponseText[]) {
  const asked: TextsParams[] = [];
  const request = (_name: 'texts', params: TextsParams) => {
    asked.push(params);
    return Promise.resolve(answer(params));
  };
  return { host: { request } as unknown as Host, asked };
}

export const text = (response: number, excerpt: string, message?: string): ResponseText => ({
  response,
  excerpt,
  label: 'chosen',
  findings: message === undefined ? [] : [{ code: 'low-left-tail', severity: 'error', message }],
});
