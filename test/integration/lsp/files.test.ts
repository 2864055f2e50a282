import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  AuditFolderResult,
  DetailResult,
  ExportResult,
  ResponseText,
  RowsResult,
} from '../../../server/src/protocol/index.js';
import { Client, textAt } from './editor/client.js';
import { hhLines, lastAnswer } from './editor/hh.js';

let client: Client;
const lines = hhLines(16, 900);
const text = lines.join('\n');
const path = (name: string) => join(client.folder, name);
beforeAll(async () => {
  client = await Client.start();
});
afterAll(() => client.stop());

const texts = async (uri: string, epoch: number, responses: number[]) =>
  client.request<ResponseText[]>('qrmLens/texts', { uri, epoch, responses });

const configure = (settings: object) =>
  client.connection.sendNotification('workspace/didChangeConfiguration', {
    settings: { qrmLens: { ...client.settings, ...settings } },
  });

describe('a file that is not open', () => {
  it('is read from disk, its findings pushed at their places, its texts read again', async () => {
    writeFileSync(path('closed.jsonl'), text);
    const uri = client.uri('closed.jsonl');
    const summary = await client.audit(uri);
    expect(summary).toMatchObject({ scored: 32, rows: 16, fraction: 1, state: 'done' });
    const found = client.last(uri);
    expect(found.length).toBeGreaterThan(0);
    for (const { range } of found) {
      const row = JSON.parse(lines[range.start.line] ?? '') as Record<string, string>;
      expect([row['chosen'], row['rejected']].map((t) => lastAnswer(t ?? ''))).toContain(
        JSON.parse(`"${textAt(text, range)}"`),
      );
    }
    const [t] = await texts(uri, summary.epoch, [6]);
    const row = JSON.parse(lines[3] ?? '') as Record<string, string>;
    expect(t?.excerpt).toBe(lastAnswer(row['chosen'] ?? '').slice(0, 300));
  });

  it('that is audited again begins at nothing, not at the end of the run before', async () => {
    writeFileSync(path('twice.jsonl'), text);
    const uri = client.uri('twice.jsonl');
    const first = await client.audit(uri);
    const seen: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      const again = client.audit(uri);
      seen.push(await client.summary(uri));
      expect(await again).toMatchObject({ state: 'done', fraction: 1, rows: first.rows });
    }
    // Asked at once after the audit, before a row of it is read.
    expect(seen).toContainEqual(
      expect.objectContaining({ state: 'running', fraction: null, rows: 0, secondsLeft: null }),
    );
  });

  it('that changed on disk gives no text for a number of before', async () => {
    writeFileSync(path('moving.jsonl'), text);
    const uri = client.uri('moving.jsonl');
    const { epoch } = await client.audit(uri);
    writeFileSync(path('moving.jsonl'), [...lines].reverse().join('\n'));
    const detail = await client.request<DetailResult>('qrmLens/detail', {
      uri,
      epoch,
      response: 0,
    });
    expect(detail.detail).toBeNull();
    expect(detail.reason).toMatch(/changed/);
  });

  it('may be compressed', async () => {
    writeFileSync(path('packed.jsonl.gz'), gzipSync(text));
    const uri = client.uri('packed.jsonl.gz');
    const summary = await client.audit(uri);
    expect(summary.scored).toBe(32);
    const two = await texts(uri, summary.epoch, [0, 31]);
    const last = JSON.parse(lines[15] ?? '') as Record<string, string>;
    expect(two[1]?.excerpt).toBe(lastAnswer(last['rejected'] ?? '').slice(0, 300));
  });

  it('may be Parquet: rows by page, and the same scores as of the text', async () => {
    const rows = lines.map((l) => JSON.parse(l) as Record<string, string>);
    const columnData = ['chosen', 'rejected'].map((name) => ({
      name,
      type: 'STRING' as const,
      data: rows.map((r) => r[name] ?? ''),
    }));
    writeFileSync(path('pairs.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    const uri = client.uri('pairs.parquet');
    const page = await client.request<RowsResult>('qrmLens/rows', { uri, from: 4, limit: 3 });
    expect(page.total).toBe(16);
    expect(page.rows.map((r) => r.row)).toEqual([4, 5, 6]);
    const turns = page.rows[0]?.conversations[0]?.turns;
    expect(turns?.at(-1)?.content).toBe(lastAnswer(rows[4]?.['chosen'] ?? ''));
    const summary = await client.audit(uri);
    expect(summary).toMatchObject({ scored: 32, fromStore: 32 });
  });

  it('that does not exist is an error that names it', async () => {
    await expect(client.audit(client.uri('nowhere.jsonl'))).rejects.toThrow(/nowhere\.jsonl/);
  });
});

describe('a folder', () => {
  it('is audited file by file; what is no dataset is passed over', async () => {
    const folder = path('folder');
    mkdirSync(join(folder, 'deep'), { recursive: true });
    writeFileSync(join(folder, 'a.jsonl'), lines.slice(0, 2).join('\n'));
    writeFileSync(join(folder, 'deep', 'b.csv'), 'prompt,response\nHi?,Hello.\n');
    writeFileSync(join(folder, 'package.json'), '{"name": "x"}');
    writeFileSync(join(folder, 'README.md'), '# Readme\n');
    const uri = client.uri('folder');
    const result = await client.request<AuditFolderResult>('qrmLens/auditFolder', { uri });
    expect(result.failed).toEqual([]);
    expect(result.audits.map((a) => [a.uri.split('/').at(-1), a.scored])).toEqual([
      ['a.jsonl', 4],
      ['b.csv', 1],
    ]);
  });
});

describe('a report', () => {
  const write = async (uri: string, format: string, name: string) =>
    client.request<ExportResult>('qrmLens/export', { uri, format, path: path(name) });

  it('of an edited text has the places of now', async () => {
    const uri = await client.open('report.jsonl', text);
    await client.audit(uri);
    const start = { line: 0, character: 0 };
    await client.edit(uri, { start, end: start }, '\n\n\n');
    await client.audit(uri);
    await client.until(() => client.last(uri).every((d) => d.range.start.line >= 3), 'new places');
    await write(uri, 'jsonl', 'report.out.jsonl');
    const reported = readFileSync(path('report.out.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as { code: string; line: number; column: number; excerpt: string });
    const key = (code: unknown, line: number, column: number) => `${code}:${line}:${column}`;
    expect(reported.map((r) => key(r.code, r.line, r.column)).sort()).toEqual(
      client
        .last(uri)
        .map((d) => key(d.code, d.range.start.line + 1, d.range.start.character + 1))
        .sort(),
    );
    for (const r of reported) {
      const row = JSON.parse(lines[r.line - 4] ?? '') as Record<string, string>;
      const answers = [row['chosen'], row['rejected']].map((t) =>
        lastAnswer(t ?? '').slice(0, 400),
      );
      expect(answers).toContain(r.excerpt);
    }
  });

  const ask = 'Où est-ce 🎉?';
  const pairs = lines.map((l) => {
    const { chosen = '', rejected = '' } = JSON.parse(l) as Record<string, string>;
    return { prompt: ask, chosen: lastAnswer(chosen), rejected: lastAnswer(rejected) };
  });
  const cell = (value: string) => `"${value.replaceAll('"', '""')}"`;
  it.each<[string, string]>([
    ['bytes.jsonl', [...pairs.map((p) => JSON.stringify(p)), '{"é": x}', ''].join('\r\n')],
    ['bytes.json', JSON.stringify(pairs, null, 1).replaceAll('\n', '\r\n')],
    [
      'bytes.csv',
      ['prompt,chosen,rejected', ...pairs.map((p) => Object.values(p).map(cell).join())].join(
        '\r\n',
      ),
    ],
  ])('of an open text counts the bytes of the file: %s', async (name, written) => {
    const file = Buffer.from(`\ufeff${written}`);
    writeFileSync(path(name), file);
    // As an editor does: no byte order mark in the text, and a line that is not saved yet.
    const uri = await client.open(name, `é\r\n${written}`, name.split('.')[1]);
    const start = { line: 0, character: 0 };
    await client.edit(uri, { start, end: { line: 1, character: 0 } }, '');
    await client.audit(uri);
    await write(uri, 'jsonl', `${name}.out`);
    const reported = readFileSync(path(`${name}.out`), 'utf8')
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as Record<string, string & number>);
    expect(reported.length).toBeGreaterThan(3);
    const answers = pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const asWritten = (text: string) =>
      name.endsWith('csv') ? text.replaceAll('"', '""') : JSON.stringify(text).slice(1, -1);
    for (const r of reported) {
      const bytes = file.subarray(r['start'], r['end']).toString();
      if (r['code'] === 'malformed-row') expect(bytes).toBe('x');
      else {
        expect(answers.map(asWritten)).toContain(bytes);
        expect(bytes.slice(0, 20)).toBe(asWritten(String(r['excerpt'])).slice(0, 20));
      }
    }
    expect(reported.some((r) => r['code'] === 'malformed-row')).toBe(name.endsWith('jsonl'));
    await write(uri, 'sarif', `${name}.sarif`);
    const sarif = JSON.parse(readFileSync(path(`${name}.sarif`), 'utf8')) as {
      runs: { results: { locations: { physicalLocation: { region: Region } }[] }[] }[];
    };
    type Region = { byteOffset: number; byteLength: number };
    const regions = sarif.runs[0]?.results.map((r) => r.locations[0]?.physicalLocation.region);
    const key = (from?: number, length?: number) => `${from} ${length}`;
    expect(regions?.map((r) => key(r?.byteOffset, r?.byteLength)).sort()).toEqual(
      reported.map((r) => key(r['start'], Number(r['end']) - Number(r['start']))).sort(),
    );
  });

  it('comes in every form, whole or not at all', async () => {
    const uri = client.uri('report.jsonl');
    for (const format of ['html', 'sarif', 'json', 'csv'] as const) {
      const result = await write(uri, format, `all.${format}`);
      expect(readFileSync(result.path).length).toBe(result.bytes);
    }
    expect(readFileSync(path('all.html'), 'utf8')).toMatch(/default-src 'none'/);
    await expect(write(uri, 'csv', 'no/such/folder.csv')).rejects.toThrow(/no\/such/);
    expect(existsSync(path('no'))).toBe(false);
  });

  it('in Parquet has every response with its quantiles in order', async () => {
    const uri = client.uri('report.jsonl');
    await write(uri, 'parquet', 'all.parquet');
    const file = await asyncBufferFromFile(path('all.parquet'));
    const rows = await parquetReadObjects({ file });
    const summary = await client.summary(uri);
    const live = (await client.columns(summary)).filter((c) => c.kind !== 255);
    const latest = new Map(live.map((c) => [c.id, c]));
    expect(rows).toHaveLength(latest.size);
    for (const row of rows) {
      const quantiles = [1, 2, 3, 4, 5].map((k) => row[`q_${k}`] as number);
      expect(quantiles).toEqual([...quantiles].sort((a, b) => a - b));
    }
    const tails = (list: number[]) => [...list].sort((a, b) => a - b);
    expect(tails(rows.map((r) => r['tail'] as number))).toEqual(
      tails([...latest.values()].map((c) => c.tail)),
    );
  });
});

describe('opening', () => {
  it('a file that a view shows: what it asks waits for the audit of the text, which is made where none is unasked', async () => {
    await configure({ autoAudit: 'off' });
    writeFileSync(path('shown.jsonl'), text);
    const { uri, epoch } = await client.audit(client.uri('shown.jsonl'));
    const opened = client.open('shown.jsonl', text);
    const asked = [
      client.request('qrmLens/findings', { uri, epoch, from: 0, limit: 10 }),
      client.request('qrmLens/texts', { uri, epoch, responses: [0] }),
      client.request('qrmLens/problems', { uri, epoch, from: 0, limit: 10 }),
    ];
    await opened;
    await expect(Promise.all(asked)).resolves.toHaveLength(3);
    await client.until(() => client.last(uri).length > 0, 'the findings of the text');
    expect((await client.summary(uri)).scored).toBe(32);
    await configure({});
  });
});

describe('closing', () => {
  it('takes the findings back, and opening again shows them without a new epoch', async () => {
    copyFileSync(path('closed.jsonl'), path('again.jsonl'));
    const uri = await client.open('again.jsonl', text);
    const before = await client.audit(uri);
    expect(client.last(uri).length).toBeGreaterThan(0);
    const textDocument = { uri };
    await client.connection.sendNotification('textDocument/didClose', { textDocument });
    await client.until(() => client.last(uri).length === 0, 'the findings to go');
    await client.open('again.jsonl', text);
    const after = await client.audit(uri);
    expect(after.epoch).toBe(before.epoch);
    await client.until(() => client.last(uri).length > 0, 'the findings to come back');
  });
});
