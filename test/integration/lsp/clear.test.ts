import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClearFindingsResult, RowsResult } from '../../../server/src/protocol/index.js';
import { Client } from './editor/client.js';
import { hhLines } from './editor/hh.js';

let client: Client;
const lines = hhLines(16, 900);
const text = lines.join('\n');
const path = (name: string) => join(client.folder, name);
beforeAll(async () => {
  client = await Client.start({ init: { extension: true } });
});
afterAll(() => client.stop());

const clear = (uris: string[]) =>
  client.request<ClearFindingsResult>('qrmLens/clearFindings', { uris });
const has = (uri: string) => client.last(uri).length > 0;
const settings = (tail: string) =>
  client.connection.sendNotification('workspace/didChangeConfiguration', {
    settings: { qrmLens: { ...client.settings, thresholds: { tail } } },
  });

describe('findings', () => {
  it('of a text that was closed stay away when settings change', async () => {
    const uri = await client.open('closed.jsonl', text);
    await client.audit(uri);
    await client.until(() => has(uri), 'findings');
    await client.close(uri);
    await client.until(() => !has(uri), 'the findings to go');
    const other = await client.open('open.jsonl', text);
    await client.audit(other);
    const before = client.pushed.length;
    await settings('100%');
    await client.until(
      () => client.pushed.slice(before).some((p) => p.uri === other),
      'the open text to be judged anew',
    );
    await client.audit(other);
    expect(client.pushed.slice(before).map((p) => p.uri)).not.toContain(uri);
    await settings('5%');
  });

  it('are cleared for a file, for a folder; and come back when asked for', async () => {
    writeFileSync(path('a.jsonl'), text);
    writeFileSync(path('ab.jsonl'), text);
    const [a, ab] = ['a.jsonl', 'ab.jsonl'].map((name) => client.uri(name)) as [string, string];
    const open = await client.open('edited.jsonl', text);
    for (const uri of [a, ab, open]) await client.audit(uri);
    await client.until(() => [a, ab, open].every(has), 'findings');
    expect((await clear([a])).uris).toEqual([a]);
    await client.until(() => !has(a), 'the findings to go');
    expect(has(ab)).toBe(true);
    expect(await client.summary(a)).toBeNull();
    await client.audit(a);
    await client.until(() => has(a), 'findings again');
    const all = await clear([pathToFileURL(client.folder).href]);
    expect(all.uris).toEqual(expect.arrayContaining([a, ab, open]));
    await client.until(() => ![a, ab, open].some(has), 'all to go');
    await client.audit(open);
    await client.until(() => has(open), 'those of the open text again');
    expect((await clear([open])).uris).toEqual([open]);
  });

  it('follow a file that is renamed, and go with one that is deleted', async () => {
    writeFileSync(path('old.jsonl'), text);
    const [old, now] = ['old.jsonl', 'new.jsonl'].map((n) => client.uri(n)) as [string, string];
    await client.audit(old);
    await client.until(() => has(old), 'findings');
    renameSync(path('old.jsonl'), path('new.jsonl'));
    await client.connection.sendNotification('workspace/didRenameFiles', {
      files: [{ oldUri: old, newUri: now }],
    });
    await client.until(() => !has(old) && has(now), 'the findings under the new name');
    rmSync(path('new.jsonl'));
    await client.connection.sendNotification('workspace/didDeleteFiles', { files: [{ uri: now }] });
    await client.until(() => !has(now), 'the findings to go');
  });
});

describe('a compressed file', () => {
  it('has its findings in the document that shows its text', async () => {
    writeFileSync(path('packed.jsonl.gz'), gzipSync(text));
    const uri = client.uri('packed.jsonl.gz');
    const shown = `qrm-lens-text:${path('packed.jsonl')}?gz`;
    await client.audit(uri);
    await client.until(() => has(shown), 'findings at the text');
    expect(has(uri)).toBe(false);
    const answer = await client.request<{ text: string }>('qrmLens/unpack', { uri });
    expect(answer.text).toBe(text);
  });

  it('that is none, or too long for an editor, is refused in plain words', async () => {
    writeFileSync(path('plain.jsonl.gz'), text);
    writeFileSync(path('long.jsonl.gz'), gzipSync(Buffer.alloc(60e6, 'x')));
    const unpack = (name: string) => client.request('qrmLens/unpack', { uri: client.uri(name) });
    await expect(unpack('plain.jsonl.gz')).rejects.toThrow(/expected a gzip or zstd file/);
    await expect(unpack('long.jsonl.gz')).rejects.toThrow(/more than 50 MB of text/);
    await expect(unpack('nobody.jsonl.gz')).rejects.toThrow(/ENOENT/);
  });
});

describe('rows of a Parquet file', () => {
  it('have the scores of their audit, at the responses', async () => {
    const rows = lines.map((line) => JSON.parse(line) as { chosen: string; rejected: string });
    const columnData = (['chosen', 'rejected'] as const).map((name) => ({
      name,
      type: 'STRING' as const,
      data: rows.map((row) => row[name]),
    }));
    writeFileSync(path('rows.parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
    const uri = client.uri('rows.parquet');
    const page = () => client.request<RowsResult>('qrmLens/rows', { uri, from: 3, limit: 2 });
    const scores = (p: RowsResult) =>
      p.rows.map((r) => r.conversations.map((c) => c.turns.map((t) => t.score)));
    expect(
      scores(await page())
        .flat(2)
        .every((s) => s === undefined),
    ).toBe(true);
    const summary = await client.audit(uri);
    const columns = await client.columns(summary);
    const marked = await page();
    expect(marked.rows.map((r) => r.row)).toEqual([3, 4]);
    for (const { row, conversations } of marked.rows) {
      // The last turn of each half is judged, and it alone.
      expect(conversations).toHaveLength(2);
      const judged = conversations.map(({ turns }) => turns.at(-1)?.score);
      const expected = columns.filter((c) => c.row === row);
      expect(judged.map((s) => s?.tail)).toEqual(expected.map((c) => c.tail));
      expect(judged.map((s) => s?.expectation)).toEqual(expected.map((c) => c.expectation));
      expect(conversations.flatMap((c) => c.turns.slice(0, -1)).every((t) => !t.score)).toBe(true);
    }
    await clear([uri]);
    expect(
      scores(await page())
        .flat(2)
        .every((s) => s === undefined),
    ).toBe(true);
  });
});
