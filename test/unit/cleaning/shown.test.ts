import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import {
  FileBytes,
  partOfRow,
  textEdits,
  undo,
  unifiedDiff,
  writingOf,
} from '../../../server/src/cleaning/index.js';
import { detectFormat, readDataset, type DatasetRow } from '../../../server/src/datasets/index.js';
import { Random } from '../../fuzz/random.js';
import {
  ownFolder,
  fileOf,
  rowsOf,
  plain,
  answers,
  planOf,
  clean,
  folders,
} from './random-files.js';

afterAll(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

describe('what is shown and added', () => {
  it('the diff is one that patch takes', async () => {
    const folder = ownFolder();
    for (let n = 0; n < 60; n++) {
      const random = new Random(4000 + n);
      const { name, bytes } = fileOf(random);
      const path = join(folder, name);
      writeFileSync(path, bytes);
      const { rows } = await rowsOf(path);
      const plan = { changes: planOf(random, rows.length) };
      const out = join(folder, 'out');
      await clean(path, out, plan);
      const open = await FileBytes.open(path, false);
      const format = (await detectFormat({ path }))!;
      const { edits } = await textEdits(
        readDataset({ path }),
        writingOf(format.container, open),
        plan,
        open.read,
        open.size,
      );
      const diff = [...unifiedDiff(edits, 'a', 'b', open.read, open.size)]
        .map((l) => `${l}\n`)
        .join('');
      await open.close();
      const patched = join(folder, 'patched');
      writeFileSync(patched, bytes);
      if (edits.length > 0) execFileSync('patch', ['--binary', '-s', patched], { input: diff });
      expect(
        readFileSync(patched).equals(readFileSync(join(out, name))),
        `case ${n}\n${diff}`,
      ).toBe(true);
      rmSync(out, { recursive: true });
    }
  }, 120_000);

  it.each(['d.jsonl', 'd.json', 'd.csv', 'd.jsonl.gz'])('columns in %s', async (name) => {
    const folder = ownFolder();
    const records = [
      { prompt: 'Q', chosen: 'a, "b"', rejected: 'c' },
      { prompt: 'R', chosen: 'd', rejected: 'e' },
    ];
    const csv = 'prompt,chosen,rejected\nQ,"a, ""b""",c\nR,d,e\n';
    const body = name.includes('.csv')
      ? csv
      : name.endsWith('.json')
        ? JSON.stringify(records, null, 2)
        : records.map((r) => JSON.stringify(r)).join('\n');
    const path = join(folder, name);
    writeFileSync(path, name.endsWith('.gz') ? gzipSync(body) : body);
    const note = {
      expectation: [0.1, 0.2],
      q05: [0, 0],
      cvar: [0, 0],
      spread: [1, 1],
      p_chosen: 0.25,
      findings: ['inverted-pair', 'truncated'],
      quantiles: [
        [0, 1],
        [0, 2],
      ],
    };
    const out = join(folder, 'out');
    await clean(path, out, {
      changes: new Map([[1, { action: 'remove', reasons: [] }]]),
      annotate: (row) => (row === 0 ? note : undefined),
    });
    const { rows, problems } = await rowsOf(join(out, name));
    expect(problems).toEqual([]);
    expect(rows.map(answers)).toEqual([['a, "b"', 'c']]);
    const packed = readFileSync(join(out, name));
    const now = (name.endsWith('.gz') ? gunzipSync(packed) : packed).toString();
    if (name.includes('.csv')) {
      expect(now).toBe(
        'prompt,chosen,rejected,expectation,q05,cvar,spread,p_chosen,findings,quantiles\nQ,"a, ""b""",c,"[0.1,0.2]","[0,0]","[0,0]","[1,1]",0.25,"[""inverted-pair"",""truncated""]","[[0,1],[0,2]]"\n',
      );
    } else {
      const value = JSON.parse(now) as object | object[];
      expect(Array.isArray(value) ? value[0] : value).toEqual({ ...records[0], ...note });
    }
    await undo(out);
    expect(readdirSync(out)).toContain(name);
    expect((await plain(join(out, name))).toString()).toBe(body);
    rmSync(out, { recursive: true });
  });

  it('rows of one prompt are never parted', () => {
    const parts = [
      { name: 'train', share: 0.8 },
      { name: 'test', share: 0.2 },
    ];
    const place = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };
    const row = (prompt: string, answer: string): DatasetRow => ({
      index: 0,
      place,
      conversations: [
        {
          kind: 'completion',
          label: '',
          turns: [
            { role: 'user', content: prompt },
            { role: 'assistant', content: answer },
          ],
          targets: [1],
        },
      ],
    });
    const of = Array.from({ length: 2000 }, (_, n) => partOfRow(row(`${n}`, 'a'), parts));
    expect(of).toEqual(of.map((_, n) => partOfRow(row(`${n}`, 'b'), parts)));
    const share = of.filter((p) => p === 1).length / of.length;
    expect(share).toBeGreaterThan(0.16);
    expect(share).toBeLessThan(0.24);
  });
});
