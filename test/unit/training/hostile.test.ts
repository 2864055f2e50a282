import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import { readRated, type RatedOptions } from '../../../server/src/training/data/rated.js';
import { problemText } from '../../../server/src/training/data/records.js';
import { own, records } from './hostile-records.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Labels of each response that is read, and what is told of the rest. */
async function read(name: string, content: string | Uint8Array, options: RatedOptions = {}) {
  const path = join(folder, name);
  writeFileSync(path, content);
  const told: string[] = [];
  const rows = await readRated(path, options, (p) =>
    told.push(problemText(p).replace(`${folder}/`, '')),
  );
  const labels = rows.map((r) => Object.fromEntries(r.labels) as Record<string, number[]>);
  return { rows, labels, told };
}

describe('rated responses of all kinds', () => {
  it.each(records)('%s', async (_, lines, labels, told) => {
    const text = lines.map((l) => JSON.stringify(l)).join('\n');
    const found = await read('rated.jsonl', text);
    expect([found.labels, found.told]).toEqual([
      labels,
      told.map((t) => expect.stringMatching(t) as string),
    ]);
  });

  it.each([
    ['a byte order mark', '\ufeff{"prompt":"P","response":"R","q":1}\n'],
    ['CRLF', '{"prompt":"P","response":"R","q":1}\r\n\r\n'],
    [
      'NaN as Python writes it',
      '{"prompt":"P","response":"R","q":1}\n{"prompt":"P","response":"R","q":NaN}',
    ],
    ['a line cut off', '{"prompt":"P","response":"R","q":1}\n{"prompt":"P","resp'],
  ])('%s', async (_, text) => {
    const { labels, told } = await read('text.jsonl', text);
    expect(labels).toEqual([{ q: [0] }]);
    expect(told).toEqual(
      /NaN|resp$/.test(text) ? [expect.stringMatching(/text\.jsonl:2: not JSON/)] : [],
    );
  });

  it('__proto__ is an attribute as others', async () => {
    const line = (n: number): string =>
      `{"prompt":"P","response":"R","scores":{"__proto__":[${n}]}}`;
    const { rows, told } = await read('proto.jsonl', `${line(1)}\n${line(3)}`);
    expect([told, rows.map((r) => r.labels.get('__proto__'))]).toEqual([[], [[0], [1]]]);
  });

  it('bytes that are no UTF-8 are told by line', async () => {
    const line = (text: string) => `{"prompt":"P","response":"${text}","q":1}\n`;
    const bytes = Buffer.concat([Buffer.from(line('a')), Buffer.from(line('caf\u00e9'), 'latin1')]);
    const { rows, told } = await read('latin.jsonl', bytes);
    expect(rows.map((r) => r.messages[1]!.content)).toEqual(['a', 'caf\ufffd']);
    expect(told).toEqual([expect.stringMatching(/latin\.jsonl:2: .*no valid UTF-8/)]);
  });

  it('UTF-16, a cut gzip and a broken Parquet are named', async () => {
    const text = Buffer.from('\ufeff{"prompt":"P"}', 'utf16le');
    await expect(read('wide.jsonl', text)).rejects.toThrow(/wide\.jsonl: the file is UTF-16/);
    const cut = gzipSync('{"prompt":"P","response":"R","q":1}\n'.repeat(99)).subarray(0, 40);
    await expect(read('cut.jsonl.gz', cut)).rejects.toThrow(/cut\.jsonl\.gz: /);
    await expect(read('bad.parquet', Buffer.from('PAR1 and no more'))).rejects.toThrow(
      /bad\.parquet: /,
    );
  });

  it('elements of an array that are no objects are told by line', async () => {
    const { labels, told } = await read(
      'any.json',
      '[3,\n{"prompt":"P","response":"R","q":1},\n"x"]',
    );
    expect(labels).toEqual([{ q: [0] }]);
    expect(told).toEqual([
      expect.stringMatching(/any\.json:1: /),
      expect.stringMatching(/any\.json:3: /),
    ]);
  });

  it.each([
    [
      'text that is a number',
      'prompt,response,score\n12,42,1\n007,true,3\n',
      [{ score: [0] }, { score: [1] }],
      [],
    ],
    [
      'a response that is a list',
      'prompt,response,score\nP,"[1, 2]",1\nP,R,2\n',
      [{ score: [0] }, { score: [1] }],
      [],
    ],
    ['CRLF and a byte order mark', '\ufeffprompt,response,q\r\nP,R,1\r\n', [{ q: [0] }], []],
    [
      'lists of raters',
      'prompt,response,q\nP,R,"[1, 5]"\nP,R,[]\n',
      [{ q: [0, 1] }],
      [/:3: no labels/],
    ],
    ['truth values', 'prompt,response,q\nP,R,True\nP,R,FALSE\n', [{ q: [1] }, { q: [0] }], []],
    [
      'an empty cell',
      'prompt,response,q,r\nP,R,1,1\nP,R,,3\n',
      [{ q: [0], r: [0] }, { r: [1] }],
      [],
    ],
    [
      'NaN',
      'prompt,response,q,r\nP,R,1,1\nP,R,nan,3\n',
      [{ q: [0], r: [0] }, { r: [1] }],
      [/:3: q: found "nan"/],
    ],
    [
      'a cell too many',
      'prompt,response,q\nP,R,1,9\nP,R,2\n',
      [{ q: [0] }],
      [/:2: it has more or fewer cells/],
    ],
    [
      'messages',
      'prompt,response,q\n"[{""role"":""user"",""content"":""P""}]",R,2\n',
      [{ q: [0] }],
      [],
    ],
    ['BeaverTails', 'prompt,response,is_safe\nP,R,False\n', [{ safe: [0] }], []],
    [
      'the own layout',
      'prompt,response,scores,scale\nP,R,"{""q"":[1,5]}","{""q"":[1,5]}"\n',
      [{ q: [0, 1] }],
      [],
    ],
  ])('CSV: %s', async (_, text, labels, told) => {
    const found = await read('table.csv', text);
    expect([found.labels, found.told]).toEqual([
      labels,
      told.map((t) => expect.stringMatching(t) as string),
    ]);
    if (text.includes('007'))
      expect(found.rows[1]!.messages.map((m) => m.content)).toEqual(['007', 'true']);
    if (text.includes('[1, 2]')) expect(found.rows[0]!.messages[1]!.content).toBe('[1, 2]');
  });

  it('nulls and 64-bit integers of Parquet', async () => {
    const parquet = parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: ['P', 'P', null], type: 'STRING' },
        { name: 'response', data: ['R', 'S', 'T'], type: 'STRING' },
        { name: 'q', data: [1n, null, 3n], type: 'INT64', nullable: true },
        { name: 'r', data: [1.5, 2.5, 3.5], type: 'DOUBLE' },
      ],
    });
    const { labels, told } = await read('nulls.parquet', new Uint8Array(parquet));
    expect(labels).toEqual([{ q: [0], r: [0] }, { r: [1] }]);
    expect(told).toEqual([expect.stringMatching(/nulls\.parquet:3: a prompt is missing/)]);
  });

  it('names that no record has are an error', async () => {
    const text = JSON.stringify(own({ q: 3 }));
    await expect(read('a.jsonl', text, { only: ['p'] })).rejects.toThrow(
      /a\.jsonl: no attribute "p", expected one of q/,
    );
    await expect(read('a.jsonl', text, { rename: { p: 'x' } })).rejects.toThrow(/no attribute "p"/);
    const { labels } = await read('a.jsonl', JSON.stringify(own({ constructor: 3 }, {})), {
      scale: { q: [1, 5] },
      rename: {},
    });
    expect(labels).toEqual([{ constructor: [0] }]);
  });
});
