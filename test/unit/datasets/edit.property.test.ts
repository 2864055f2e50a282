import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  exchange,
  readDataset,
  removeRows,
  swapPair,
  type ByteEdit,
  type Container,
  type DatasetRow,
  type Span,
  type Writing,
} from '../../../server/src/datasets/index.js';

/** A file as its rows are written, with what stands before, between (n: after row n) and behind them. */
interface File {
  readonly container: Container;
  readonly before: string;
  readonly rows: readonly string[];
  readonly between: (n: number) => string;
  readonly behind: string;
}

const whole = ({ before, rows, between, behind }: File): string =>
  before + rows.map((row, n) => row + (n < rows.length - 1 ? between(n) : '')).join('') + behind;

/** What a person would leave: a row goes with what parts it from the next, the last ones with what stands before them. */
function without({ before, rows, between, behind }: File, gone: readonly boolean[]): string {
  const lastKept = gone.lastIndexOf(false);
  let text = before;
  for (const [n, row] of rows.entries())
    if (gone[n] === false) text += row + (n < lastKept ? between(n) : '');
  return text + behind;
}

async function rowsOf(bytes: Buffer, { container }: File): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = [];
  for await (const e of readDataset({ bytes, name: 'x' }, { format: container }))
    if (e.type === 'row') rows.push(e.row);
  return rows;
}

const reader = (bytes: Buffer) => (from: number, to: number) =>
  bytes.subarray(Math.max(0, from), Math.max(0, to));

function applied(bytes: Buffer, edits: readonly (Span | ByteEdit)[]): Buffer {
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const edit of edits) {
    expect(edit.start).toBeGreaterThanOrEqual(at);
    parts.push(bytes.subarray(at, edit.start), 'bytes' in edit ? edit.bytes : new Uint8Array());
    at = edit.end;
  }
  return Buffer.concat([...parts, bytes.subarray(at)]);
}

/** The spans of all runs of rows that go. */
function cut(bytes: Buffer, { container }: File, rows: readonly DatasetRow[], gone: boolean[]) {
  const spans: Span[] = [];
  for (let from = 0; from < rows.length; from++) {
    if (!gone[from]) continue;
    const stays = gone.indexOf(false, from);
    const to = stays < 0 ? rows.length : stays;
    const beside = { before: rows[from - 1], after: rows[to] };
    spans.push(...removeRows(container, rows.slice(from, to), beside, reader(bytes))!);
    from = to;
  }
  return spans;
}

const text = fc
  .array(fc.constantFrom('a', 'ü', '🎉', ' ', ',', '"', '\n', 'bc', ';'), { maxLength: 300 })
  .map((parts) => `x${parts.join('')}`);
const pair = fc.record({ prompt: text, chosen: text, rejected: text });
const eol = fc.constantFrom('\n', '\r\n', '\r');
const blank = fc.constantFrom('', ' ', '\n', '\r\n  ');
const cell = (value: string): string => `"${value.replaceAll('"', '""')}"`;
const mark = fc.constantFrom('', '\ufeff');

const file: fc.Arbitrary<File> = fc
  .record({
    container: fc.constantFrom<Container>('jsonl', 'json', 'csv', 'tsv'),
    pairs: fc.array(pair, { minLength: 1, maxLength: 6 }),
    eol,
    blank,
    mark,
    ends: fc.boolean(),
  })
  .map(({ container, pairs, eol, blank, mark, ends }) => {
    const json = pairs.map((p) => JSON.stringify(p));
    if (container === 'json')
      return {
        container,
        before: `${mark}[${blank}`,
        rows: json,
        between: () => `${blank},${blank}`,
        behind: `${blank}]${eol}`,
      };
    const lines = { container, between: () => eol, behind: ends ? eol : '' };
    if (container === 'jsonl') return { ...lines, before: mark, rows: json };
    const tab = container === 'tsv' ? '\t' : ',';
    const rows = pairs.map((p) => [p.prompt, p.chosen, p.rejected].map(cell).join(tab));
    return { ...lines, before: `${mark}${['prompt', 'chosen', 'rejected'].join(tab)}${eol}`, rows };
  });

it('rows go with what parts them, and every other byte stays', async () => {
  await fc.assert(
    fc.asyncProperty(file, fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), async (f, g) => {
      const gone = f.rows.map((_, n) => g[n]!);
      const bytes = Buffer.from(whole(f));
      const rows = await rowsOf(bytes, f);
      expect(rows.length).toBe(f.rows.length);
      const after = applied(bytes, cut(bytes, f, rows, gone)).toString();
      if (gone.includes(false)) expect(after).toBe(without(f, gone));
      else expect(await rowsOf(Buffer.from(after), f)).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

it('a pair that is swapped is the pair written the other way round', async () => {
  await fc.assert(
    fc.asyncProperty(file, fc.nat(), async (f, nth) => {
      const bytes = Buffer.from(whole(f));
      const rows = await rowsOf(bytes, f);
      const row = rows[nth % rows.length]!;
      const { container } = f;
      const delimiter = container === 'tsv' ? 9 : 0x2c;
      const writing: Writing =
        container === 'csv' || container === 'tsv'
          ? { container, dialect: { delimiter, quotes: true } }
          : { container };
      const read = reader(bytes);
      const after = applied(bytes, exchange(swapPair(writing, row, read)!, read));
      const content = (rows: readonly DatasetRow[], swapped: boolean) =>
        rows.map(({ index, conversations }) => {
          const texts = conversations.map(({ turns }) => turns.map((t) => t.content));
          return swapped && index === row.index ? texts.reverse() : texts;
        });
      expect(content(await rowsOf(after, f), false)).toEqual(content(rows, true));
      expect(after.length).toBe(bytes.length);
    }),
    { numRuns: 300 },
  );
});

it.each<[string, Container, string, number[], string]>([
  ['the file’s only row', 'jsonl', '\ufeff{"prompt":"p","response":"r"}', [0], '\ufeff'],
  ['two lists in one object', 'json', '{"a":[R],"b":[R]}', [0, 1], '{"a":[],"b":[]}'],
  ['values after one another', 'json', 'R\nR\n\nR\n', [1, 2], 'R\n'],
  ['blank lines stay', 'jsonl', 'R\n\nR\n\nR', [1, 2], 'R\n\n'],
  ['a line that is no row stays', 'jsonl', 'R\n{"x"\nR\n', [0, 1], '{"x"\n'],
])('%s', async (_name, container, template, gone, left) => {
  const row = '{"prompt":"p","response":"r"}';
  const bytes = Buffer.from(template.replaceAll('R', row));
  const f: File = { container, before: '', rows: [], between: () => '', behind: '' };
  const rows = await rowsOf(bytes, f);
  const flags = rows.map(({ index }) => gone.includes(rows.findIndex((r) => r.index === index)));
  expect(applied(bytes, cut(bytes, f, rows, flags)).toString()).toBe(left.replaceAll('R', row));
});

it('nothing is offered where a row is no piece of text', async () => {
  const bytes = Buffer.from('{"prompt":["a","b"],"response":["c","d"]}');
  const rows = await rowsOf(bytes, { container: 'json' } as File);
  expect(rows).toHaveLength(2);
  expect(removeRows('json', rows, {}, reader(bytes))).toBeUndefined();
  expect(removeRows('parquet', rows, {}, reader(bytes))).toBeUndefined();
});
