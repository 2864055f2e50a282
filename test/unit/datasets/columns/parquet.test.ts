import fc from 'fast-check';
import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from 'hyparquet';
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { rowsOf } from '../../../../server/src/datasets/columns/row-group.js';
import { compressors } from '../../../../server/src/datasets/columns/compressors.js';
import { fixture, readAll } from '../helpers.js';

const fileOf = (buffer: ArrayBuffer): AsyncBuffer => ({
  byteLength: buffer.byteLength,
  slice: (from, to) => buffer.slice(from, to),
});

/** All rows from `first` on, by our reader. */
async function ours(file: AsyncBuffer, first = 0): Promise<Record<string, unknown>[]> {
  const metadata = await parquetMetadataAsync(file);
  const rows: Record<string, unknown>[] = [];
  let start = 0;
  for (const [g, group] of metadata.row_groups.entries()) {
    const count = Number(group.num_rows);
    const from = Math.max(0, first - start);
    if (from < count)
      for await (const range of rowsOf(file, metadata, g, from))
        for (let i = 0; i < range.count; i++)
          rows.push(Object.fromEntries(range.columns.map(([name, values]) => [name, values[i]])));
    start += count;
  }
  return rows;
}

/** The library drops a mark of byte order at a text's beginning; what is in a cell is its text, so it stays here. */
const MARK = '\ufeff';
const text = fc
  .oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('a', 'b', ''))
  .filter((t) => !t.startsWith(MARK));
const message = fc.record({ role: text, content: fc.option(text) });
const schema = [
  { name: 'root', num_children: 5 },
  { name: 'prompt', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'chosen', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  { name: 'score', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  { name: 'tags', converted_type: 'LIST', num_children: 1, repetition_type: 'OPTIONAL' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  { name: 'messages', converted_type: 'LIST', num_children: 1, repetition_type: 'OPTIONAL' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  { name: 'element', num_children: 2, repetition_type: 'OPTIONAL' },
  { name: 'role', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
  { name: 'content', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
] as const;

const tables = fc.record({
  rows: fc.array(
    fc.record({
      prompt: text,
      chosen: fc.option(text),
      score: fc.option(fc.double({ noNaN: true })),
      tags: fc.option(fc.array(fc.option(text), { maxLength: 5 })),
      messages: fc.option(fc.array(message, { maxLength: 4 })),
    }),
    { minLength: 1, maxLength: 60 },
  ),
  rowGroupSize: fc.integer({ min: 1, max: 80 }),
  pageSize: fc.integer({ min: 1, max: 400 }),
  codec: fc.constantFrom('UNCOMPRESSED' as const, 'SNAPPY' as const),
});

describe('Parquet by pages', () => {
  it('gives the rows that the library reads by whole row groups, from any row on', async () => {
    await fc.assert(
      fc.asyncProperty(tables, fc.double({ min: 0, max: 1, noNaN: true }), async (table, part) => {
        const { rows, codec, ...sizes } = table;
        const columns = ['prompt', 'chosen', 'score', 'tags', 'messages'] as const;
        const columnData = columns.map((name) => ({ name, data: rows.map((r) => r[name]) }));
        const file = fileOf(
          parquetWriteBuffer({
            columnData: columnData as ColumnSource[],
            schema: schema as never,
            codec,
            ...sizes,
          }),
        );
        const expected = await parquetReadObjects({ file, compressors });
        const first = Math.floor(part * rows.length);
        const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));
        expect(plain(await ours(file))).toEqual(plain(expected));
        expect(plain(await ours(file, first))).toEqual(plain(expected.slice(first)));
      }),
      { numRuns: 150 },
    );
  });

  it('keeps a mark of byte order that a text begins with', async () => {
    const buffer = parquetWriteBuffer({
      columnData: [{ name: 'prompt', data: [`${MARK}a`, 'b'], type: 'STRING' }],
    });
    expect((await ours(fileOf(buffer))).map(({ prompt }) => prompt)).toEqual([`${MARK}a`, 'b']);
  });

  it('holds pages, not row groups: a group of 30,000 rows is never read at once', async () => {
    const data = Array.from({ length: 30_000 }, (_, i) => `answer ${i} ${'x'.repeat(200)}`);
    const buffer = parquetWriteBuffer({
      columnData: [
        { name: 'prompt', data: data.map((_, i) => `question ${i}`), type: 'STRING' },
        { name: 'response', data, type: 'STRING', encoding: 'PLAIN' },
      ],
      rowGroupSize: 30_000,
      codec: 'UNCOMPRESSED',
      pageSize: 1 << 16,
    });
    let largest = 0;
    const file: AsyncBuffer = {
      byteLength: buffer.byteLength,
      slice(from, to = buffer.byteLength) {
        largest = Math.max(largest, to - from);
        return buffer.slice(from, to);
      },
    };
    const metadata = await parquetMetadataAsync(fileOf(buffer));
    let rows = 0;
    for await (const range of rowsOf(file, metadata, 0, 0)) {
      expect(range.columns[1]![1][0]).toBe(data[range.start]);
      rows += range.count;
    }
    expect(rows).toBe(30_000);
    expect(largest).toBeLessThan(buffer.byteLength / 10);
  });

  it('names text that is no UTF-8, nesting without end and columns that cannot be read', async () => {
    const bad = await readAll({ bytes: fixture('parquet/bad-utf8.parquet'), name: 'x.parquet' });
    expect(bad.problems).toMatchObject([{ index: 0, code: 'invalid-utf8' }]);
    expect(bad.problems[0]!.message).toContain("column 'chosen': byte 0xe9 at offset 6");
    expect(bad.rows).toHaveLength(2);
    const deep = await readAll({ bytes: fixture('parquet/deep.parquet'), name: 'x.parquet' });
    expect(deep.problems).toMatchObject([{ index: 1, code: 'malformed-row' }]);
    expect(deep.rows.map((r) => r.index)).toEqual([0, 2]);
    for (const damaged of ['PAR1', `PAR1${'\0'.repeat(20)}PAR1`]) {
      const { problems } = await readAll({ bytes: Buffer.from(damaged), name: 'x.parquet' });
      expect(problems).toMatchObject([{ code: 'unreadable' }]);
      expect(problems[0]!.message).toContain('x.parquet cannot be read: no readable Parquet file');
      expect(problems[0]!.message).not.toMatch(/DataView|undefined|Cannot/);
    }
    for (const name of ['hang', 'unhandled-brotli', 'unhandled-type']) {
      const bytes = fixture(`parquet/${name}.parquet`);
      const { problems } = await readAll({ bytes, name: 'x.parquet' });
      expect(problems.length).toBeGreaterThan(0);
      for (const { code, message: why } of problems) {
        expect(code).toBe('unreadable');
        expect(why).toContain('x.parquet cannot be read on: row group');
      }
    }
  });
});
