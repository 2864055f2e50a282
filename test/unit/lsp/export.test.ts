import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runRules } from '../../../server/src/audit/index.js';
import { makeReport, ranks, render } from '../../../server/src/audit/report/index.js';
import { exportReport, type ExportContext } from '../../../server/src/lsp/answers/export.js';
import { info, TableAudit } from './table-audit.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-export-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let audit: TableAudit;
beforeAll(async () => {
  audit = await new TableAudit(12_000).ready();
}, 60_000);

const context = (more: Partial<ExportContext> = {}): ExportContext => ({
  name: '/data/pairs.jsonl',
  open: () => audit.open(),
  version: '1.2.3',
  ...more,
});

/** The report of the same table as the command line makes it: rules over the table, no pace. */
async function unpaced(format: 'html' | 'sarif' | 'json' | 'jsonl' | 'csv'): Promise<string> {
  const { table, options } = audit.ledger!;
  const { thresholds } = audit;
  const report = await makeReport(
    {
      sources: [{ path: '/data/pairs.jsonl', open: () => audit.open() }],
      table,
      moreProblems: 0,
      unreadable: new Map(),
      thresholds,
      tau: options.tau,
      *findings() {
        yield* audit.problems();
        yield* runRules({ table, thresholds, tau: options.tau });
      },
    },
    info,
    { top: ranks(format) ? 200 : 0, version: '1.2.3' },
  );
  let text = '';
  for await (const line of render(format, report, { columns: 120, colour: false }))
    text += `${line}\n`;
  return text;
}

describe('a report written at a pace', () => {
  it.each(['html', 'sarif', 'json', 'jsonl', 'csv'] as const)(
    'in %s is the one that the command line writes',
    async (format) => {
      const path = join(folder, `report.${format}`);
      const shares: number[] = [];
      const progress = (share: number) => shares.push(share);
      const result = await exportReport(audit, format, path, context({ progress }));
      const text = readFileSync(path, 'utf8');
      expect(text).toBe(await unpaced(format));
      expect(result.bytes).toBe(Buffer.byteLength(text));
      if (format === 'jsonl') expect(result.findings).toBe(text.split('\n').length - 1);
      expect(shares.length).toBeGreaterThan(10);
      expect(shares).toEqual([...shares].sort((a, b) => a - b));
      expect(shares.at(-1)).toBeLessThanOrEqual(1);
    },
    60_000,
  );

  it('in Parquet has the numbers of the table in its order, in groups of whole rows', async () => {
    const path = join(folder, 'report.parquet');
    await exportReport(audit, 'parquet', path, context());
    const file = await asyncBufferFromFile(path);
    const { row_groups: groups, num_rows: total } = await parquetMetadataAsync(file);
    expect(groups.length).toBeGreaterThan(1);
    expect(groups.reduce((sum, g) => sum + g.num_rows, 0n)).toBe(total);
    for (const g of groups) {
      expect(g.columns.map((c) => c.meta_data?.num_values)).toEqual(
        g.columns.map(() => g.num_rows),
      );
    }
    const rows = await parquetReadObjects({ file });
    const { table } = audit.ledger!;
    expect(rows).toHaveLength(table.length);
    rows.forEach((row, i) => {
      const scored = table.scored(i);
      expect([row['row'], row['kind'], row['hash'], row['tail']]).toEqual([
        table.row.get(i),
        table.kindOf(i),
        table.hash(i),
        scored ? table.tail.get(i) : null,
      ]);
      expect(row['q_7']).toBe(scored ? table.quantiles(i)[6] : null);
    });
    const codes = new Map<number, string[]>();
    for (const { response, code } of runRules({ table, thresholds: audit.thresholds, tau: 0.05 }))
      codes.set(response, [...(codes.get(response) ?? []), code]);
    expect(rows.map((r) => r['findings'])).toEqual(
      rows.map((_, i) => (codes.get(i) ?? []).join(',')),
    );
  }, 60_000);

  it.each(['html', 'jsonl', 'parquet'] as const)(
    'in %s ends when cancelled, and leaves no file',
    async (format) => {
      const before = readdirSync(folder);
      const stop = new AbortController();
      const path = join(folder, `cancelled.${format}`);
      const writing = exportReport(audit, format, path, context({ signal: stop.signal }));
      setImmediate(() => stop.abort());
      await expect(writing).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
      expect(readdirSync(folder)).toEqual(before);
    },
  );

  it('ends with the reason when the text changes meanwhile: its places would be of two texts', async () => {
    const before = readdirSync(folder);
    const writing = exportReport(audit, 'csv', join(folder, 'changed.csv'), context());
    setImmediate(() => audit.version++);
    await expect(writing).rejects.toThrow(/pairs\.jsonl changed while/);
    expect(readdirSync(folder)).toEqual(before);
  });
});
