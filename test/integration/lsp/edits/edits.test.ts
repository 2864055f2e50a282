import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeAction, Diagnostic, Range } from 'vscode-languageserver-protocol/node.js';
import { applyEdits, Client } from '../editor/client.js';
import { hhLines } from '../editor/hh.js';

let client: Client;
beforeAll(async () => {
  client = await Client.start({
    capabilities: { textDocument: { publishDiagnostics: { relatedInformation: true } } },
  });
});
afterAll(() => client.stop());

const at = (line: number, character = 0): Range => ({
  start: { line, character },
  end: { line, character },
});

async function actions(uri: string, range: Range, diagnostics: Diagnostic[] = []) {
  return client.request<CodeAction[]>('textDocument/codeAction', {
    textDocument: { uri },
    range,
    context: { diagnostics },
  });
}

async function edited(uri: string, text: string, line: number, title: string): Promise<string> {
  const found = (await actions(uri, at(line))).find((a) => a.title.includes(title));
  const edits = found?.edit?.changes?.[uri];
  if (edits === undefined) throw new Error(`no edit '${title}'`);
  return applyEdits(text, edits);
}

describe('swap chosen and rejected', () => {
  it('exchanges the values as they are written, spacing, escapes and other fields untouched', async () => {
    const row =
      '{ "id":7,\t"rejected" : "Hi \\u00e9\\n\\"quoted\\" 🎉",  "prompt": "P\\/?","chosen":"No, é.", "x":[1, {"chosen":"inner"}] }';
    const text = `${row}\r\n${row.replace('7', '8')}`;
    const uri = await client.open('swap.jsonl', text);
    await client.audit(uri);
    const now = await edited(uri, text, 0, 'Swap');
    const expected =
      '{ "id":7,\t"rejected" : "No, é.",  "prompt": "P\\/?","chosen":"Hi \\u00e9\\n\\"quoted\\" 🎉", "x":[1, {"chosen":"inner"}] }';
    expect(now).toBe(`${expected}\r\n${row.replace('7', '8')}`);
  });

  it('exchanges whole transcripts and lists of messages', async () => {
    const [line = ''] = hhLines(1);
    const lists =
      '{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}';
    const text = `${line}\n${lists}\n`;
    const uri = await client.open('lists.jsonl', text);
    await client.audit(uri);
    for (const n of [0, 1]) {
      const before = JSON.parse(text.split('\n')[n] ?? '') as Record<string, unknown>;
      const now = await edited(uri, text, n, 'Swap');
      const after = JSON.parse(now.split('\n')[n] ?? '') as Record<string, unknown>;
      expect(after).toEqual({ ...before, chosen: before['rejected'], rejected: before['chosen'] });
      expect(now).toHaveLength(text.length);
    }
  });

  it('exchanges CSV cells with their quotes', async () => {
    const text =
      'prompt,chosen,note,rejected\r\nHow?,"Like ""this"",\nthen that.",n,badly ü\r\nWhy?,because,m,"so"\r\n';
    const uri = await client.open('pairs.csv', text, 'csv');
    await client.audit(uri);
    expect(await edited(uri, text, 2, 'Swap')).toBe(
      'prompt,chosen,note,rejected\r\nHow?,badly ü,n,"Like ""this"",\nthen that."\r\nWhy?,because,m,"so"\r\n',
    );
    expect(await edited(uri, text, 3, 'Swap')).toBe(
      text.replace('because,m,"so"', '"so",m,because'),
    );
  });

  it('finds the right element of a JSON array', async () => {
    const text = `[{"prompt":"a","chosen":"1","rejected":"2"}, {"prompt":"b",\n  "chosen":"3",\n  "rejected":"4"}]\n`;
    const uri = await client.open('array.json', text, 'json');
    await client.audit(uri);
    expect(await edited(uri, text, 1, 'Swap')).toBe(
      text.replace('"3"', '#').replace('"4"', '"3"').replace('#', '"4"'),
    );
  });

  it('scores nothing again: both texts are known', async () => {
    const text = hhLines(4, 800).join('\n');
    const uri = await client.open('known.jsonl', text);
    const before = await client.audit(uri);
    const [swap] = (await actions(uri, at(1))).filter((a) => a.title.includes('Swap'));
    for (const { range, newText } of [...(swap?.edit?.changes?.[uri] ?? [])].reverse())
      await client.edit(uri, range, newText);
    const after = await client.until(
      () => client.changes.findLast((s) => s.uri === uri && s.revision > before.revision + 2),
      'the swapped row',
    );
    const done = await client.audit(uri);
    expect(done.fromStore - before.fromStore).toBe(2);
    expect(after.epoch).toBe(before.epoch);
  });
});

describe('delete the row', () => {
  it('takes the line with its end, wherever it stands', async () => {
    const rows = hhLines(3, 800);
    const text = rows.join('\r\n');
    const uri = await client.open('delete.jsonl', text);
    await client.audit(uri);
    const left = (n: number) => rows.filter((_, i) => i !== n).join('\r\n');
    for (const n of [0, 1, 2]) expect(await edited(uri, text, n, 'Delete')).toBe(left(n));
  });

  it('takes an element of an array with its comma', async () => {
    const element = (n: number) => `{"prompt":"p${n}",\n "response":"r${n}"}`;
    const text = `[\n  ${element(0)},\n  ${element(1)},\n  ${element(2)}\n]\n`;
    const uri = await client.open('delete.json', text, 'json');
    await client.audit(uri);
    for (const [n, line] of [1, 3, 5].entries()) {
      const now = JSON.parse(await edited(uri, text, line, 'Delete')) as { prompt: string }[];
      expect(now.map((r) => r.prompt)).toEqual(['p0', 'p1', 'p2'].filter((p) => p !== `p${n}`));
    }
  });
});

describe('typing', () => {
  it('scores only the row that changed, and moves the others', async () => {
    const rows = hhLines(12, 900);
    const text = rows.join('\n');
    const uri = await client.open('typing.jsonl', text);
    const before = await client.audit(uri);
    const place = { line: 5, character: (rows[5]?.lastIndexOf('"}') ?? 0) - 1 };
    await client.edit(uri, { start: place, end: place }, ' Indeed');
    const one = { line: 0, character: 0 };
    await client.edit(uri, { start: one, end: one }, '\n\n');
    const after = await client.until(
      () =>
        client.changes.findLast(
          (s) => s.uri === uri && s.revision > before.revision && s.state === 'done',
        ),
      'the edited row',
    );
    const changed = await client.columns(after, before.revision);
    expect(new Set(changed.filter((c) => c.kind !== 255).map((c) => c.line))).toEqual(new Set([7]));
    expect(after.scored).toBe(24);
    expect(after.epoch).toBe(before.epoch);
    await client.request('qrmLens/audit', { uri });
    const lines = client.last(uri).map((d) => d.range.start.line);
    expect(Math.min(...lines)).toBeGreaterThanOrEqual(2);
  });

  it('in a JSON array scores the changed element alone', async () => {
    const rows = hhLines(6, 700);
    const text = `[\n${rows.join(',\n')}\n]`;
    const uri = await client.open('typing.json', text, 'json');
    const before = await client.audit(uri);
    const place = { line: 2, character: (rows[1]?.lastIndexOf('"}') ?? 0) - 1 };
    await client.edit(uri, { start: place, end: place }, ' Well');
    const after = await client.until(
      () =>
        client.changes.findLast(
          (s) => s.uri === uri && s.revision > before.revision && s.state === 'done',
        ),
      'the edited element',
    );
    const changed = await client.columns(after, before.revision);
    expect(new Set(changed.filter((c) => c.kind !== 255).map((c) => c.row))).toEqual(new Set([1]));
    expect(after.scored).toBe(12);
  });
});

describe('ignore a finding', () => {
  it('writes it to the ignore file, keeps what stands there, and shows it no more', async () => {
    mkdirSync(join(client.folder, 'data'), { recursive: true });
    const file = join(client.folder, 'data', '.qrm-ignore.json');
    writeFileSync(file, '{\n  "version": 1, // kept\n  "ignored": []\n}\n'.replace(' // kept', ''));
    const uri = await client.open('data/ignore.jsonl', hhLines(12, 900).join('\n'));
    await client.audit(uri);
    const [first] = client.last(uri);
    if (first === undefined) throw new Error('no finding');
    const offered = await actions(uri, first.range, [first]);
    const ignore = offered.find((a) => a.title.includes('Ignore'));
    const [params] = ignore?.command?.arguments ?? [];
    expect(await client.request('qrmLens/ignore', params)).toEqual({ path: file });
    const saved = JSON.parse(readFileSync(file, 'utf8')) as { ignored: { code: string }[] };
    expect(saved.ignored.map((i) => i.code)).toEqual([first.code]);
    await client.until(
      () =>
        !client
          .last(uri)
          .some((d) => d.code === first.code && d.range.start.line === first.range.start.line),
      'the finding to go',
    );
  });
});
