import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../server/src/datasets/index.js';
import { chunked, fixturePath, ofText, readAll } from './helpers.js';

const good = (n: number): string => JSON.stringify({ prompt: `q${n}`, response: `a${n}` });

describe('a damaged record is a problem at its place, and the rest goes on', () => {
  it('malformed JSON, NUL bytes, deep nesting, a missing field', async () => {
    const deep = `{"prompt":"q","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const text = [good(0), '{"prompt": "é", bad}', '\0\0\0', deep, '{"foo": 1}', good(5)].join(
      '\n',
    );
    const { rows, problems } = await ofText(text);
    expect(rows.map((r) => r.index)).toEqual([0, 5]);
    expect(problems.map((p) => [p.index, p.code, p.place.line, p.place.column])).toEqual([
      [1, 'malformed-row', 1, 16],
      [2, 'malformed-row', 2, 0],
      [3, 'malformed-row', 3, 18 + 511],
      [4, 'missing-field', 4, 0],
    ]);
    expect(problems[0]!.place.start).toBe(good(0).length + 1 + 17);
    expect(problems[0]!.message).toContain("found 'b', expected a key in double quotes");
    expect(problems[1]!.message).toContain('NUL');
    expect(problems[3]!.message).toContain("found the fields 'foo'");
  });

  it('invalid UTF-8: the row is read with U+FFFD and columns as an editor shows them', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"prompt":"a'),
      Buffer.from([0xf0, 0x9f, 0x98, 0xff]),
      Buffer.from('b","response":"c"}\n' + good(1)),
    ]);
    const { rows, problems } = await ofText(bytes);
    expect(problems).toMatchObject([
      { index: 0, code: 'invalid-utf8', place: { column: 12, start: 12 } },
    ]);
    expect(rows[0]!.conversations[0]!.turns.map((t) => t.content)).toEqual(['a\ufffd\ufffdb', 'c']);
    const line = bytes.toString('utf8').split('\n')[0]!;
    expect(rows[0]!.conversations[0]!.turns[1]!.place!.column).toBe(line.lastIndexOf('c"'));
    expect(rows).toHaveLength(2);
  });

  it('a truncated last line, a duplicate key, an empty file, blank lines only', async () => {
    const cut = await ofText(`${good(0)}\n{"prompt": "q", "resp`);
    expect(cut.rows).toHaveLength(1);
    expect(cut.problems).toMatchObject([
      { index: 1, code: 'truncated-line', place: { line: 1, column: 21 } },
    ]);
    const twice = await ofText('{"prompt":"q","response":"a","response":"b"}');
    expect(twice.problems).toMatchObject([
      { code: 'duplicate-key', place: { column: 30, endColumn: 38 } },
    ]);
    expect(twice.rows[0]!.conversations[0]!.turns[1]!.content).toBe('b');
    expect((await ofText('')).problems).toMatchObject([{ code: 'empty-file' }]);
    expect((await ofText('\n \r\n')).problems).toMatchObject([{ code: 'empty-file' }]);
  });

  it('a 50 MB line is read; above the limit it is a problem', async () => {
    const long = JSON.stringify({ prompt: 'q', response: 'é'.repeat(25 * 1024 * 1024) });
    const bytes = Buffer.from(`${good(0)}\n${long}\n${good(2)}`);
    const read = await ofText(bytes);
    expect(read.problems).toEqual([]);
    expect(read.rows[1]!.conversations[0]!.turns[1]!.place!.end).toBe(
      good(0).length + 1 + Buffer.byteLength(long) - 2,
    );
    const limited = await ofText(bytes, 'x.jsonl', { maxRowBytes: 1 << 20 });
    expect(limited.rows.map((r) => [r.index, r.place.line])).toEqual([
      [0, 0],
      [2, 2],
    ]);
    expect(limited.problems).toMatchObject([
      {
        index: 1,
        code: 'oversized-row',
        place: { line: 1, column: 0, endLine: 1, endColumn: long.length },
      },
    ]);
  });

  it('an oversized or malformed element of a JSON array, and an array without its end', async () => {
    const long = JSON.stringify({ prompt: 'q', response: '漢😀'.repeat(2000) });
    const body = `[${good(0)}, ${long}, ${good(2)},\n{"prompt": [1, }, ${good(4)}`;
    for (const sizes of [[7], [1000, 1], [1 << 20]]) {
      const stream = chunked(Buffer.from(body), sizes);
      const { rows, problems } = await readAll({ stream, name: 'x.json' }, { maxRowBytes: 2000 });
      expect(rows.map((r) => r.index)).toEqual([0, 2, 4]);
      expect(problems.map((p) => [p.index, p.code])).toEqual([
        [1, 'oversized-row'],
        [3, 'malformed-row'],
        [undefined, 'truncated-line'],
      ]);
      expect(rows[1]!.place.column).toBe(body.indexOf(good(2)));
      expect(problems[0]!.place.endColumn).toBe(body.indexOf(long) + long.length);
    }
  });

  it('CSV: cell counts, a quote that is not closed, text after a quote, oversize', async () => {
    const rows = [
      'prompt,response',
      'a,b',
      'a,b,c',
      '"x"y,z',
      'c,d',
      `"${'l'.repeat(500)}",e`,
      'f,g',
      '"open,h',
      'i,j',
    ];
    const read = await ofText(rows.join('\n'), 'x.csv', { maxRowBytes: 200 });
    expect(read.rows.map((r) => [r.index, r.conversations[0]!.turns[0]!.content])).toEqual([
      [0, 'a'],
      [3, 'c'],
      [5, 'f'],
      [7, 'i'],
    ]);
    expect(read.problems.map((p) => [p.index, p.code, p.place.line, p.place.column])).toEqual([
      [1, 'malformed-row', 2, 0],
      [2, 'malformed-row', 3, 3],
      [4, 'oversized-row', 5, 0],
      [6, 'truncated-line', 7, 0],
    ]);
  });

  it('a cut gzip gives what it holds and says so; a missing file and an unknown one too', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => good(i * 7919)).join('\n');
    const zip = gzipSync(lines);
    const cut = await readAll({ bytes: zip.subarray(0, zip.length - 2000), name: 'x.jsonl.gz' });
    expect(cut.rows.length).toBeGreaterThan(100);
    expect(cut.problems.at(-1)).toMatchObject({ code: 'unreadable' });
    const none = await readAll({ path: fixturePath('no-such-file.jsonl') });
    expect(none.problems).toMatchObject([{ code: 'unreadable' }]);
    expect(none.problems[0]!.message).toContain('no-such-file.jsonl');
    await expect(detectFormat({ path: fixturePath('no-such-file.jsonl') })).rejects.toThrow(
      'ENOENT',
    );
    const odd = await ofText('nothing that is known\nat all', 'notes.bin');
    expect(odd.problems).toMatchObject([{ code: 'unreadable' }]);
    const wide = await ofText(Buffer.from('\ufeff' + good(0), 'utf16le'));
    expect(wide.problems[0]!.message).toContain('UTF-16');
  });

  it('stops with an AbortError when asked', async () => {
    const control = new AbortController();
    const lines = Buffer.from(Array.from({ length: 1000 }, (_, i) => good(i)).join('\n'));
    let seen = 0;
    const reading = (async () => {
      const { readDataset } = await import('../../../server/src/datasets/index.js');
      const events = readDataset({ bytes: lines, name: 'x.jsonl' }, { signal: control.signal });
      while (!(await events.next()).done) if (++seen === 10) control.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    expect(seen).toBe(10);
  });
});
