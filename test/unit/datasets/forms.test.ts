import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { detectFormat } from '../../../server/src/datasets/index.js';
import { chunked, fixture, fixturePath, ofText, readAll, TextView, turnsOf } from './helpers.js';

const user = (content: string) => ({ role: 'user', content });
const bot = (content: string) => ({ role: 'assistant', content });

describe('VS Code chat export', () => {
  it('reads questions and Markdown parts; a joined answer has pieces', async () => {
    const bytes = fixture('vscode-chat.json');
    const path = fixturePath('vscode-chat.json');
    expect(await detectFormat({ path })).toMatchObject({
      container: 'json',
      schema: 'vscode-chat',
    });
    const { rows, problems } = await readAll({ path });
    expect(problems).toEqual([]);
    const { turns, targets } = rows[0]!.conversations[0]!;
    expect(targets).toEqual([1, 3]);
    expect(turns.map((t) => t.content)).toEqual([
      'How do I "reverse" a list?',
      'Use `list.reverse()`:\n\n```python\nxs.reverse()\n```',
      'And a file 📁?',
      'See a.py for an example.',
    ]);
    const view = new TextView(bytes);
    expect(turns.slice(0, 3).map((t) => JSON.parse(`"${view.sliceByColumns(t.place!)}"`))).toEqual(
      turns.slice(0, 3).map((t) => t.content),
    );
    expect(turns[3]!.place).toBeUndefined();
    expect(turns[3]!.pieces!.map((p) => view.sliceByColumns(p))).toEqual([
      'See ',
      ' for an example.',
    ]);
  });
});

describe('Markdown', () => {
  it('ignores labels in code fences and of another style', async () => {
    const text =
      '# Title\n\n## User\nHi\n\n```\n## Assistant\n```\n\n## 🤖 Assistant (10:31)\nUser: is a label\n';
    const { rows } = await ofText(text, 'a.md');
    expect(rows[0]!.conversations[0]!.turns.map((t) => [t.role, t.content])).toEqual([
      ['user', 'Hi\n\n```\n## Assistant\n```'],
      ['assistant', 'User: is a label'],
    ]);
  });

  it.each([
    '<!--\n## User\n\nnote -->',
    '<pre>\n\n## User\n</pre>',
    '<!-- ## User -->',
    ' <SCRIPT>\n## User\n</script> x',
  ])('headings inside HTML are text, as CommonMark has it: %j', async (html) => {
    const text = `## User\n\nHi\n\n## Assistant\n\n${html}\n\nEnd\n\n## User\n\nMore\n\n## Assistant\n\nBye\n`;
    const { rows, problems } = await ofText(text, 'a.md');
    expect(problems).toEqual([]);
    expect(rows[0]!.conversations[0]!.turns.map((t) => t.content)).toEqual([
      'Hi',
      `${html.trim()}\n\nEnd`,
      'More',
      'Bye',
    ]);
  });

  it('HTML that never ends, or is named in passing or in code, hides nothing', async () => {
    for (const html of [
      '<!-- open',
      '<pre>',
      'a <!-- b',
      '    <pre>',
      '<preview>',
      '```\n<!--\n```',
    ]) {
      const text = `## User\n\nHi\n\n## Assistant\n\n${html}\n\n## User\n\nMore\n\n## Assistant\n\nBye\n`;
      const { rows } = await ofText(text, 'a.md');
      expect(rows[0]!.conversations[0]!.turns, html).toHaveLength(4);
    }
  });
});

describe('zstd', () => {
  it('reads two frames in any chunks as the plain file', async () => {
    const plain = await readAll({ path: fixturePath('two-frames.jsonl') });
    expect(plain.rows).toHaveLength(40);
    expect(plain.problems).toEqual([]);
    const path = fixturePath('two-frames.jsonl.zst');
    expect(await detectFormat({ path })).toEqual({
      container: 'jsonl',
      compression: 'zstd',
      schema: 'preference',
    });
    expect(await readAll({ path })).toEqual(plain);
    for (const sizes of [[1], [13, 200]]) {
      const stream = chunked(fixture('two-frames.jsonl.zst'), sizes);
      expect(await readAll({ stream, name: 'x.zst' })).toEqual(plain);
    }
  });

  it('says that a cut file is cut', async () => {
    const zip = fixture('two-frames.jsonl.zst');
    const { problems } = await readAll({ bytes: zip.subarray(0, zip.length - 9), name: 'x.zst' });
    expect(problems.at(-1)).toMatchObject({ code: 'unreadable' });
  });
});

describe('Parquet', () => {
  const dir = mkdtempSync(join(tmpdir(), 'qrm-parquet-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const count = 25;
  const file = parquetWriteBuffer({
    rowGroupSize: 10,
    columnData: [
      { name: 'prompt', data: Array.from({ length: count }, (_, i) => `q${i} 😀`), type: 'STRING' },
      {
        name: 'chosen',
        data: Array.from({ length: count }, (_, i) => [bot(`a${i}`)]),
        type: 'JSON',
      },
      {
        name: 'rejected',
        data: Array.from({ length: count }, (_, i) => JSON.stringify([bot(`b${i}`)])),
        type: 'STRING',
      },
    ],
  });

  it('reads all row groups from a file, bytes and a stream, and begins at a row', async () => {
    const path = join(dir, 'pairs.parquet');
    writeFileSync(path, Buffer.from(file));
    const { rows, problems } = await readAll({ path });
    expect(problems).toEqual([]);
    expect(rows.map((r) => r.place.line)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(rows.map((r) => turnsOf([r]))).toEqual(
      rows.map((_, i) => [user(`q${i} 😀`), bot(`a${i}`), user(`q${i} 😀`), bot(`b${i}`)]),
    );
    const bytes = new Uint8Array(file);
    expect((await readAll({ bytes, name: 'x' })).rows).toEqual(rows);
    expect((await readAll({ stream: chunked(Buffer.from(bytes), [100]), name: 'x' })).rows).toEqual(
      rows,
    );
    expect((await readAll({ path }, { start: { row: 17 } })).rows).toEqual(rows.slice(17));
  });

  it('a damaged row group is one problem; a cut file is unreadable', async () => {
    const bytes = new Uint8Array(file.slice(0));
    bytes.fill(0xff, 4, 60);
    const { rows, problems } = await readAll({ bytes, name: 'x.parquet' });
    expect(problems).toMatchObject([{ code: 'unreadable', place: { line: 0 } }]);
    expect(rows.map((r) => r.index)).toEqual(Array.from({ length: 15 }, (_, i) => i + 10));
    const cut = await readAll({ bytes: bytes.subarray(0, 300), name: 'x.parquet' });
    expect(cut.problems).toMatchObject([{ code: 'unreadable' }]);
  });
});

describe('CSV', () => {
  it('reads message lists in cells; their turns point into the cell', async () => {
    const cell = (v: unknown) => `"${JSON.stringify(v).replaceAll('"', '""')}"`;
    const text = `chosen,rejected\n${cell([user('Q'), bot('A')])},${cell([user('Q'), bot('B')])}\n`;
    const { rows, problems } = await ofText(text, 'x.csv');
    expect(problems).toEqual([]);
    const turn = rows[0]!.conversations[1]!.turns[1]!;
    expect(turn.content).toBe('B');
    expect(turn.place).toBeUndefined();
    expect(turn.pieces!.map((p) => new TextView(Buffer.from(text)).slice(p))).toEqual(['B']);
  });
});

describe('detection by content', () => {
  const pair = { prompt: 'q', chosen: 'a', rejected: 'b' };
  it.each<[string, string, string, string | undefined]>([
    [
      'JSONL under any name',
      `${JSON.stringify(pair)}\n${JSON.stringify(pair)}\n`,
      'x.json',
      'jsonl',
    ],
    ['JSONL whose first line is broken', `{"prompt":\n${JSON.stringify(pair)}\n`, 'x', 'jsonl'],
    ['printed JSON', JSON.stringify([pair], null, 2), 'x', 'json'],
    ['a printed object', JSON.stringify(pair, null, 2), 'x', 'json'],
    [
      'lines of message lists',
      `${JSON.stringify([user('q'), bot('a')])}\n`.repeat(2),
      'x',
      'jsonl',
    ],
    ['CSV', 'prompt,response\na,b\n', 'x', 'csv'],
    ['TSV', 'id\tprompt\tresponse\n1\ta\tb\n', 'x', 'tsv'],
    ['a transcript', 'User: q\n\nAssistant: a\n', 'x', 'markdown'],
    [
      'Markdown that begins with a link',
      '[a](b)\n\n**User:** q\n\n**Assistant:** a\n',
      'x.md',
      'markdown',
    ],
    ['other text', 'lorem ipsum', 'x', undefined],
  ])('%s', async (_name, text, name, container) => {
    const found = await detectFormat({ bytes: Buffer.from(text), name });
    expect(found?.container).toBe(container);
  });
});
