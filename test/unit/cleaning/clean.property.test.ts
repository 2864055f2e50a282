import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import {
  cleanFile,
  FileBytes,
  MANIFEST,
  partOfRow,
  textEdits,
  undo,
  unifiedDiff,
  writingOf,
  type FilePlan,
  type RowChange,
} from '../../../server/src/cleaning/index.js';
import {
  detectFormat,
  plainBytes,
  readDataset,
  type DatasetRow,
} from '../../../server/src/datasets/index.js';
import { Random } from '../../fuzz/random.js';

// A folder for each test: one that ran out of time goes on, and must not take another's files away.
const folders: string[] = [];
function ownFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'qrm-clean-'));
  folders.push(made);
  return made;
}
afterAll(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

const PIECES = [
  'a',
  'Zoë',
  ' ',
  '\n',
  '"',
  '\\',
  ',',
  '\t',
  '漢',
  '😀',
  '}',
  ']',
  '\u2028',
  ';',
  "'",
];
/** An integer of [0, n). */
const below = (random: Random, n: number): number => random.int(0, n - 1);
const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]!;
const text = (random: Random): string =>
  `x${Array.from({ length: below(random, 8) }, () => pick(random, PIECES)).join('')}y${below(random, 1e6)}`;

interface Case {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A file of pairs, and what it is called. */
function fileOf(random: Random): Case {
  const count = below(random, 9);
  const rows = Array.from({ length: count }, () => ({
    id: below(random, 99),
    prompt: text(random),
    chosen: text(random),
    rejected: text(random),
  }));
  const nl = pick(random, ['\n', '\r\n']);
  const bom = below(random, 5) === 0 ? '\uFEFF' : '';
  const end = below(random, 2) === 0 ? nl : '';
  const kind = below(random, 5);
  if (kind === 0)
    return {
      name: 'd.jsonl',
      bytes: Buffer.from(
        bom + rows.map((r) => JSON.stringify(r)).join(pick(random, [nl, nl + nl])) + end,
      ),
    };
  if (kind === 1)
    return {
      name: 'd.json',
      bytes: Buffer.from(bom + JSON.stringify(rows, null, below(random, 3)) + end),
    };
  // Of an empty list in an object nothing tells that it held rows.
  if (kind === 2 && count > 0) {
    const wrapped = { version: 1, data: rows, more: [1, 2] };
    return {
      name: 'd.json',
      bytes: Buffer.from(JSON.stringify(wrapped, null, below(random, 3)) + end),
    };
  }
  const by = kind === 3 ? ',' : '\t';
  const cell = (value: string | number) => `"${String(value).replaceAll('"', '""')}"`;
  const lines = [
    ['id', 'prompt', 'chosen', 'rejected'].join(by),
    ...rows.map((r) => Object.values(r).map(cell).join(by)),
  ];
  return { name: kind === 3 ? 'd.csv' : 'd.tsv', bytes: Buffer.from(bom + lines.join(nl) + end) };
}

/** zstd as a frame of one raw block. */
const zstd = (bytes: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]),
    Buffer.from([((bytes.length << 3) | 1) & 255, (bytes.length >> 5) & 255, bytes.length >> 13]),
    bytes,
  ]);

async function rowsOf(path: string): Promise<{ rows: DatasetRow[]; problems: string[] }> {
  const rows: DatasetRow[] = [];
  const problems: string[] = [];
  for await (const event of readDataset({ path }))
    if (event.type === 'row') rows.push(event.row);
    else if (event.problem.code !== 'empty-file') problems.push(event.problem.message);
  return { rows, problems };
}
async function plain(path: string): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const piece of plainBytes(path)) parts.push(piece);
  return Buffer.concat(parts);
}
const answers = (row: DatasetRow) => row.conversations.map((c) => c.turns.at(-1)!.content);

function planOf(random: Random, count: number): Map<number, RowChange> {
  const changes = new Map<number, RowChange>();
  for (let n = 0; n < count; n++) {
    const what = below(random, 4);
    if (what < 2) changes.set(n, { action: what === 0 ? 'remove' : 'swap', reasons: ['x'] });
  }
  return changes;
}

async function clean(path: string, out: string, plan: FilePlan) {
  mkdirSync(out, { recursive: true });
  const format = (await detectFormat({ path }))!;
  const made = await cleanFile(
    { path, format, plan, events: () => readDataset({ path }) },
    out,
    () => path.slice(path.lastIndexOf('/') + 1),
    undefined,
  );
  writeFileSync(
    join(out, MANIFEST),
    JSON.stringify({ program: 'qrm clean', version: 1, files: [made] }),
  );
  return made;
}

describe('random files with random findings', () => {
  it('rows that stay are byte-equal, the result parses, undo gives the original', async () => {
    const folder = ownFolder();
    for (let n = 0; n < 1000; n++) {
      const random = new Random(20_261_127 + n);
      const { name, bytes } = fileOf(random);
      const packing = below(random, 6);
      const file = packing === 0 ? `${name}.gz` : packing === 1 ? `${name}.zst` : name;
      const path = join(folder, file);
      writeFileSync(path, packing === 0 ? gzipSync(bytes) : packing === 1 ? zstd(bytes) : bytes);
      const original = readFileSync(path);
      const before = await rowsOf(path);
      expect(before.problems, `case ${n}`).toEqual([]);
      const changes = planOf(random, before.rows.length);
      const out = join(folder, 'out');
      const made = await clean(path, out, { changes });
      expect(made.unchanged, `case ${n}`).toEqual([]);
      expect(readFileSync(path).equals(original)).toBe(true);

      const cleaned = join(out, file);
      const after = await rowsOf(cleaned);
      const left = before.rows.filter((r) => changes.get(r.index)?.action !== 'remove');
      if (left.length > 0) expect(after.problems, `case ${n}: ${bytes.toString()}`).toEqual([]);
      const now = await plain(cleaned);
      const kept = left;
      expect(after.rows.length, `case ${n}`).toBe(kept.length);
      for (const [i, row] of kept.entries()) {
        const other = after.rows[i]!;
        if (changes.has(row.index)) expect(answers(other)).toEqual(answers(row).reverse());
        else
          expect(
            now
              .subarray(other.place.start, other.place.end)
              .equals(bytes.subarray(row.place.start, row.place.end)),
            `case ${n}`,
          ).toBe(true);
      }
      // Nothing else of the file is lost either: what stands between rows, its mark, its end.
      if (changes.size === 0)
        expect(now.toString('latin1'), `case ${n} ${file}`).toBe(bytes.toString('latin1'));

      // From the cleaned file alone, where it is a plain one.
      if (packing > 1) rmSync(path);
      await undo(out);
      expect(readFileSync(cleaned).equals(original), `case ${n}`).toBe(true);
      rmSync(out, { recursive: true });
    }
  }, 600_000);

  it('Parquet: values of any column, row groups, metadata', async () => {
    const folder = ownFolder();
    for (let n = 0; n < 40; n++) {
      const random = new Random(77 + n);
      const count = 1 + below(random, 30);
      const of = <T>(make: () => T) => Array.from({ length: count }, make);
      const bytes = parquetWriteBuffer({
        columnData: [
          { name: 'prompt', data: of(() => text(random)), type: 'STRING' },
          { name: 'chosen', data: of(() => text(random)), type: 'STRING' },
          { name: 'rejected', data: of(() => text(random)), type: 'STRING' },
          { name: 'id', data: of(() => BigInt(below(random, 1e9))), type: 'INT64' },
          {
            name: 'score',
            data: of(() => (below(random, 3) === 0 ? null : below(random, 100) / 7)),
            type: 'DOUBLE',
          },
          { name: 'good', data: of(() => below(random, 2) === 0), type: 'BOOLEAN' },
          {
            name: 'raw',
            data: of(() => Uint8Array.of(below(random, 256), 255)),
            type: 'BYTE_ARRAY',
          },
        ],
        rowGroupSize: 1 + below(random, 10),
        kvMetadata: [{ key: 'huggingface', value: '{}' }],
      });
      const path = join(folder, 'd.parquet');
      writeFileSync(path, new Uint8Array(bytes));
      const changes = planOf(random, count);
      const out = join(folder, 'out');
      const made = await clean(path, out, { changes });
      expect(made.unchanged).toEqual([]);
      const read = async (at: string) =>
        parquetReadObjects({ file: await asyncBufferFromFile(at), utf8: false });
      const expected = (await read(path)).flatMap((row, i) => {
        const action = changes.get(i)?.action;
        return action === 'remove'
          ? []
          : [
              action === 'swap'
                ? { ...row, chosen: row['rejected'], rejected: row['chosen'] }
                : row,
            ];
      });
      expect(await read(join(out, 'd.parquet')), `case ${n}`).toEqual(expected);
      const original = readFileSync(path);
      rmSync(path);
      await undo(out);
      expect(readFileSync(join(out, 'd.parquet')).equals(original)).toBe(true);
      rmSync(out, { recursive: true });
    }
  }, 120_000);
});

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
