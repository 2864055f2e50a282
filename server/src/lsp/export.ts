import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import {
  schemaFromColumnData,
  ParquetWriter,
  ByteWriter,
  type ColumnSource,
} from 'hyparquet-writer';
import { ResponseTable, type Audit, type ProblemFinding } from '../audit/index.js';
import { makeReport, render } from '../audit/report/index.js';
import type { DatasetEvent } from '../datasets/types.js';
import type { ExportFormat, ExportResult } from '../protocol.js';
import type { LiveAudit } from './live-audit.js';
import { Pacer } from './pace.js';

const TOP = 200;
const GROUP = 5000;

export interface ExportContext {
  /** Path or name of the document, for the report. */
  readonly name: string;
  /** Its rows, read again for the texts of the report. */
  readonly open: () => AsyncIterable<DatasetEvent>;
  readonly version: string;
}

/**
 * Writes a report, by way of a neighbour so that it is there whole or not at all.
 * @throws Error when nothing is scored yet, or the file cannot be written
 */
export async function exportReport(
  audit: LiveAudit,
  format: ExportFormat,
  path: string,
  context: ExportContext,
): Promise<ExportResult> {
  const { ledger } = audit;
  if (ledger === undefined)
    throw new Error(`${context.name}: nothing is scored yet; audit it first`);
  const part = `${path}.${process.pid}.part`;
  try {
    if (format === 'parquet') await writeParquet(audit, part);
    else await writeText(audit, format, part, context);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  const { size } = await stat(path);
  return { path, bytes: size, findings: audit.findings?.size ?? 0 };
}

async function writeText(
  audit: LiveAudit,
  format: Exclude<ExportFormat, 'parquet'>,
  path: string,
  context: ExportContext,
): Promise<void> {
  const { ledger, findings } = audit;
  if (ledger === undefined) return;
  const pacer = new Pacer();
  const { table, numbers } = await snapshot(audit, pacer);
  const problems = [...audit.problems()];
  const list: Audit = {
    sources: [{ path: context.name, open: context.open }],
    table,
    problems,
    moreProblems: 0,
    unreadable: new Map(),
    thresholds: audit.thresholds,
    tau: ledger.options.tau,
    *findings() {
      yield* problems as ProblemFinding[];
      for (let n = 0; n < (findings?.size ?? 0); n++) {
        const finding = findings?.at(n);
        const response = finding && numbers.get(finding.response);
        if (finding === undefined || response === undefined) continue;
        const related = finding.related === undefined ? undefined : numbers.get(finding.related);
        yield { ...finding, response, related };
      }
    },
  };
  const report = await makeReport(list, ledger.info, {
    top: TOP,
    // Lists of findings carry their texts, as on the command line.
    texts: format === 'html' ? 'shown' : 'all',
    version: context.version,
  });
  const stream = createWriteStream(path);
  const failed = once(stream, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  for (const line of render(format, report, { columns: 120, colour: false })) {
    if (!stream.write(`${line}\n`)) await Promise.race([once(stream, 'drain'), failed]);
    await pacer.tick();
  }
  stream.end();
  await Promise.race([once(stream, 'close'), failed]);
}

/** The live responses in the order of the text, at their places of now. */
async function snapshot(audit: LiveAudit, pacer: Pacer) {
  const { ledger } = audit;
  const table = new ResponseTable(ledger?.table.levels ?? []);
  const numbers = new Map<number, number>();
  if (ledger === undefined) return { table, numbers };
  const old = ledger.table;
  const order: { id: number; line: number; column: number }[] = [];
  for (let id = 0; id < old.length; id++) {
    await pacer.tick();
    if (!ledger.alive(id)) continue;
    const { line, column } = audit.spot(id);
    order.push({ id, line, column });
  }
  order.sort((a, b) => a.line - b.line || a.column - b.column || a.id - b.id);
  for (const { id } of order) {
    await pacer.tick();
    const hash = Buffer.from(old.hash(id), 'hex');
    const place = { ...old.place(id), ...audit.spot(id) };
    const now = table.add({
      file: 0,
      row: audit.rowNumber(id),
      conversation: old.conversation.get(id),
      target: old.target.get(id),
      kind: old.kindOf(id),
      label: old.label(id),
      place,
      hash,
    });
    numbers.set(id, now);
    const error = old.errors.get(id);
    if (error !== undefined) table.errors.set(now, error);
    if (!old.scored(id)) continue;
    const measures = {
      sorted: old.quantiles(id),
      expectation: old.expectation.get(id),
      tail: old.tail.get(id),
      cvar: old.cvar.get(id),
      spread: old.spread.get(id),
      certaintyEquivalent: old.certaintyEquivalent.get(id),
      modes: old.modes.get(id),
    } satisfies Parameters<ResponseTable['score']>[1];
    table.score(now, measures, old.tokens.get(id), old.truncated.get(id));
    table.beats.set(now, old.beats.get(id));
  }
  for (const [id, now] of numbers) {
    const other = old.partner(id);
    const partner = other === undefined ? undefined : numbers.get(other);
    if (partner !== undefined && old.kindOf(id) === 'chosen') table.pair(now, partner);
  }
  return { table, numbers };
}

/** One row a response: its numbers, its quantiles q_1 … q_K and its findings. No texts. */
async function writeParquet(audit: LiveAudit, path: string): Promise<void> {
  const { ledger } = audit;
  if (ledger === undefined) return;
  const file = await open(path, 'w');
  try {
    const pacer = new Pacer();
    const codes = new Map<number, string>();
    const found = audit.findings;
    for (let n = 0; n < (found?.size ?? 0); n++) {
      const finding = found?.at(n);
      if (finding === undefined) continue;
      const before = codes.get(finding.response);
      codes.set(
        finding.response,
        before === undefined ? finding.code : `${before},${finding.code}`,
      );
      await pacer.tick();
    }
    const writer = new ByteWriter();
    let parquet: ParquetWriter | undefined;
    const flush = async () => {
      await file.write(writer.getBytes());
      writer.index = 0;
    };
    const { table } = ledger;
    for (let from = 0; from < Math.max(table.length, 1); from += GROUP) {
      const ids: number[] = [];
      for (let id = from; id < Math.min(from + GROUP, table.length); id++)
        if (ledger.alive(id)) ids.push(id);
      if (ids.length === 0 && parquet !== undefined) continue;
      const columnData = await parquetColumns(audit, ids, codes, pacer);
      parquet ??= new ParquetWriter({
        writer,
        schema: schemaFromColumnData({ columnData }),
        kvMetadata: [
          { key: 'model', value: ledger.info.modelName },
          { key: 'tau', value: String(ledger.options.tau) },
          { key: 'levels', value: JSON.stringify(ledger.info.spec.levels) },
        ],
      });
      await parquet.write({ columnData, rowGroupSize: GROUP });
      await flush();
    }
    parquet?.finish();
    await flush();
  } finally {
    await file.close();
  }
}

async function parquetColumns(
  audit: LiveAudit,
  ids: readonly number[],
  codes: ReadonlyMap<number, string>,
  pacer: Pacer,
): Promise<ColumnSource[]> {
  const table = audit.ledger?.table as ResponseTable;
  const numbers = (name: string, get: (id: number) => number): ColumnSource => ({
    name,
    type: 'DOUBLE',
    nullable: true,
    data: ids.map((id) => (table.scored(id) ? nullable(get(id)) : null)),
  });
  const counts = (name: string, get: (id: number) => number): ColumnSource => ({
    name,
    type: 'INT32',
    nullable: false,
    data: Int32Array.from(ids, get),
  });
  const words = (name: string, get: (id: number) => string): ColumnSource => ({
    name,
    type: 'STRING',
    nullable: false,
    data: ids.map(get),
  });
  const made: ColumnSource[] = [
    counts('row', (id) => audit.rowNumber(id)),
    counts('line', (id) => audit.spot(id).line + 1),
    words('kind', (id) => table.kindOf(id)),
    words('label', (id) => table.label(id)),
    words('hash', (id) => table.hash(id)),
  ];
  const figures: [string, (id: number) => number][] = [
    ['expectation', (id) => table.expectation.get(id)],
    ['tail', (id) => table.tail.get(id)],
    ['cvar', (id) => table.cvar.get(id)],
    ['spread', (id) => table.spread.get(id)],
    ['certainty_equivalent', (id) => table.certaintyEquivalent.get(id)],
    ['chosen_beats_rejected', (id) => table.beats.get(id)],
    ...Array.from({ length: table.levels.length }, (_, k): [string, (id: number) => number] => [
      `q_${k + 1}`,
      (id) => table.quantiles(id)[k] ?? Number.NaN,
    ]),
  ];
  for (const [name, get] of figures) {
    made.push(numbers(name, get));
    await pacer.tick();
  }
  made.push(counts('tokens', (id) => table.tokens.get(id) || 0));
  made.push(words('findings', (id) => codes.get(id) ?? ''));
  return made;
}

const nullable = (x: number): number | null => (Number.isFinite(x) ? x : null);
