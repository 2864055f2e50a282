import { shownText } from '../datasets/index.js';
import {
  contributions as qrmContributions,
  expectation,
  mixture,
  quantileAt,
} from '../qrm/index.js';
import {
  type ColumnBatch,
  type ColumnsParams,
  type Contributions,
  type ContributionsParams,
  type DetailResult,
  type FindingBatch,
  type FindingsParams,
  NO_PARTNER,
  type ProblemBatch,
  type ProblemsParams,
  REMOVED_KIND,
  type ResponseDetail,
  type ResponseText,
  type TextsParams,
  type ViewFinding,
  type ViewProblem,
  type WireColumnBatch,
} from '../protocol/index.js';
import type { LiveAudit } from './live-audit.js';
import { Pacer } from '../pace.js';
import { rawScore } from './raw-score.js';
import type { ScoreService } from '../session/score-service.js';

const MAX_BATCH = 8192;
const MAX_FINDINGS = 20_000;
const MAX_PROBLEMS = 1000;
const EXCERPT = 300;
const LONG_EXCERPT = 4000;
const SAMPLE = 2000;
/** Of files whose rows have to be looked for. */
const SMALL_SAMPLE = 400;

type Arrays = { [K in keyof ColumnBatch]: ColumnBatch[K] extends ArrayBufferView ? K : never };
type ArrayName = Arrays[keyof ColumnBatch];

/** The responses that changed since a position of the log; nothing for another epoch. */
export function columns(audit: LiveAudit, p: ColumnsParams): WireColumnBatch {
  const { ledger } = audit;
  const same = p.epoch === audit.epoch && ledger !== undefined;
  const limit = Math.min(Math.max(p.limit, 1), MAX_BATCH);
  const changed = same ? [...new Set(ledger.changes(p.from, limit))] : [];
  const n = changed.length;
  const floats = (get: (id: number) => number) =>
    wire(Float32Array.from({ length: n }, (_, i) => get(changed[i] ?? 0)));
  const words = (get: (id: number) => number) =>
    wire(Uint32Array.from({ length: n }, (_, i) => get(changed[i] ?? 0)));
  const bytes = (get: (id: number) => number) =>
    wire(Uint8Array.from({ length: n }, (_, i) => get(changed[i] ?? 0)));
  const table = ledger?.table;
  const get = (name: 'expectation' | 'tail' | 'cvar' | 'spread' | 'certaintyEquivalent') =>
    floats((id) => (table?.scored(id) === true ? table[name].get(id) : Number.NaN));
  const arrays: Record<ArrayName, string> = {
    ids: words((id) => id),
    expectation: get('expectation'),
    tail: get('tail'),
    cvar: get('cvar'),
    spread: get('spread'),
    certaintyEquivalent: get('certaintyEquivalent'),
    beats: floats((id) => table?.beats.get(id) ?? Number.NaN),
    margin: floats((id) => marginOf(audit, id)),
    kind: bytes((id) => table?.kind.get(id) ?? REMOVED_KIND),
    modes: bytes((id) => table?.modes.get(id) ?? 0),
    row: words((id) => audit.rowNumber(id)),
    line: words((id) => audit.spot(id).line),
    conversation: words((id) => table?.conversation.get(id) ?? 0),
    target: words((id) => table?.target.get(id) ?? 0),
    partner: words((id) => table?.partner(id) ?? NO_PARTNER),
    tokens: words((id) => table?.tokens.get(id) ?? 0),
  };
  const next = same ? Math.min(ledger.revision, p.from + limit) : 0;
  return { uri: audit.uri, epoch: audit.epoch, next, ...arrays };
}

/** Numbers as they go to a page. */
export const wire = (a: ArrayBufferView): string =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString('base64');

function marginOf(audit: LiveAudit, id: number): number {
  const { table } = audit.ledger ?? {};
  const other = table?.partner(id);
  if (table === undefined || other === undefined || table.kindOf(id) !== 'chosen') return NaN;
  return table.expectation.get(id) - table.expectation.get(other);
}

export function findings(audit: LiveAudit, p: FindingsParams): FindingBatch {
  const found = audit.findings;
  const limit = Math.min(Math.max(p.limit, 1), MAX_FINDINGS);
  const count = Math.max(0, Math.min(limit, (found?.size ?? 0) - p.from));
  const slice = (get: ((n: number) => number) | undefined) =>
    Array.from({ length: count }, (_, n) => get?.(p.from + n) ?? 0);
  return {
    uri: audit.uri,
    epoch: audit.epoch,
    findingsRevision: audit.findingsRevision,
    total: found?.size ?? 0,
    from: p.from,
    response: slice(found?.response),
    code: slice(found?.code),
    severity: slice(found?.severity),
  };
}

/** Rows that could not be read, where they stand now, in the order of the text. */
export function problems(audit: LiveAudit, { uri, from, limit }: ProblemsParams): ProblemBatch {
  const list: ViewProblem[] = [];
  let n = 0;
  for (const { problem, severity, message } of audit.problems()) {
    if (n++ < from || list.length >= Math.min(limit, MAX_PROBLEMS)) continue;
    const { line, column, endLine, endColumn } = problem.place;
    const row = problem.index === undefined ? {} : { row: problem.index };
    list.push({ line, column, endLine, endColumn, ...row, severity, message });
  }
  return { uri, from, total: n, problems: list };
}

export const viewFindings = (audit: LiveAudit, id: number): ViewFinding[] =>
  (audit.findings?.of(id) ?? []).map(({ code, severity, message, related }) => ({
    code,
    severity,
    message,
    ...(related !== undefined && { related }),
  }));

async function excerpt(audit: LiveAudit, id: number, max: number): Promise<string> {
  const { table } = audit.ledger ?? {};
  const row = await audit.row(id);
  const conversation = row?.conversations[table?.conversation.get(id) ?? 0];
  const turn = conversation?.turns[table?.target.get(id) ?? 0];
  return (turn === undefined ? '' : shownText(turn)).slice(0, max);
}

/** Excerpts, labels and messages of the rows that a table shows. */
export async function texts(audit: LiveAudit, p: TextsParams): Promise<ResponseText[]> {
  if (p.epoch !== audit.epoch) return [];
  const out: ResponseText[] = [];
  const pacer = new Pacer();
  await audit.prepare(p.responses.slice(0, 500));
  for (const response of p.responses.slice(0, 500)) {
    if (audit.ledger?.alive(response) !== true) continue;
    out.push({
      response,
      excerpt: await excerpt(audit, response, EXCERPT),
      label: audit.ledger.table.label(response),
      findings: viewFindings(audit, response),
    });
    await pacer.tick();
  }
  return out;
}

async function oneDetail(
  audit: LiveAudit,
  service: ScoreService,
  id: number,
): Promise<ResponseDetail | undefined> {
  const { ledger } = audit;
  const raw = await rawScore(audit, service, id, true);
  if (raw === undefined || ledger === undefined) return undefined;
  const { table, options } = ledger;
  // Fixed weights stand where the gate's would: the view shows what the audit judged.
  const quantiles = mixture(raw, options.weights, options.pooled);
  const sorted = Float32Array.from(quantiles).sort();
  return {
    uri: audit.uri,
    epoch: audit.epoch,
    response: id,
    row: audit.rowNumber(id),
    spot: audit.spot(id),
    kind: table.kindOf(id),
    label: table.label(id),
    excerpt: await excerpt(audit, id, LONG_EXCERPT),
    tokens: raw.tokens,
    truncatedTokens: raw.truncatedTokens,
    quantiles: Array.from(quantiles),
    attributeQuantiles: [...raw.attributeQuantiles],
    gate: [...(options.weights ?? raw.gate)],
    expectation: options.weights === undefined ? raw.expectation : expectation(quantiles),
    percentile: audit.findings?.percentile(quantileAt(sorted, table.levels, options.tau)) ?? null,
    findings: viewFindings(audit, id),
  };
}

/** A response and the other half of its pair. */
export async function detail(
  audit: LiveAudit,
  service: ScoreService,
  p: { epoch: number; response: number },
): Promise<DetailResult> {
  const spec = service.info.spec;
  const base = { attributes: spec.attributes, levels: spec.levels };
  if (p.epoch !== audit.epoch || audit.ledger?.alive(p.response) !== true)
    return { ...base, detail: null, reason: 'This response is no longer in the document.' };
  const error = audit.ledger.table.errors.get(p.response);
  const other = audit.ledger.table.partner(p.response);
  const shown = await oneDetail(audit, service, p.response);
  if (shown === undefined)
    return { ...base, detail: null, reason: error ?? 'The text of this response has changed.' };
  const partner = other === undefined ? undefined : await oneDetail(audit, service, other);
  return { ...base, detail: shown, ...(partner && { partner }) };
}

/** Mean contribution of each attribute over the responses asked for, or an even sample of all. */
export async function contributions(
  audit: LiveAudit,
  service: ScoreService,
  p: ContributionsParams,
): Promise<Contributions | null> {
  const { ledger } = audit;
  if (ledger === undefined || p.epoch !== audit.epoch) return null;
  const { weights } = ledger.options;
  const M = ledger.info.spec.attributes.length;
  const mean = new Array<number>(M).fill(0);
  const gate = new Array<number>(M).fill(0);
  let sample = 0;
  const pacer = new Pacer();
  const asked = evenSample(
    p.responses,
    ledger.table.length,
    audit.cheapRows ? SAMPLE : SMALL_SAMPLE,
  );
  await audit.prepare(asked);
  for (const id of asked) {
    await pacer.tick();
    if (!ledger.table.scored(id)) continue;
    const raw = await rawScore(audit, service, id, false);
    if (raw === undefined) continue;
    qrmContributions(raw, weights).forEach((c, m) => (mean[m] = (mean[m] ?? 0) + c));
    (weights ?? raw.gate).forEach((g, m) => (gate[m] = (gate[m] ?? 0) + g));
    sample++;
  }
  if (sample === 0) return { uri: audit.uri, sample, mean, gate };
  return {
    uri: audit.uri,
    sample,
    mean: mean.map((x) => x / sample),
    gate: gate.map((x) => x / sample),
  };
}

/** At most `max` of the list (or of 0..n-1), evenly spread. */
function evenSample(list: readonly number[] | undefined, n: number, max: number): number[] {
  const size = list?.length ?? n;
  const taken = Math.min(size, max);
  return Array.from({ length: taken }, (_, i) => {
    const at = Math.floor((i * size) / taken);
    return list === undefined ? at : (list[at] ?? 0);
  });
}
