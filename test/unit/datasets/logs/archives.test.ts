import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { detectFormat } from '../../../../server/src/datasets/index.js';
import { fixture, ofText, readAll } from '../helpers.js';
import { told } from '../rows/helpers.js';

const lines = (...records: unknown[]): string =>
  records.map((r) => JSON.stringify(r)).join('\n') + '\n';

/** A ZIP archive without checks of its own: method by name. */
function zipOf(entries: readonly (readonly [string, Buffer, number, Buffer])[]): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, data, method, packed] of entries) {
    const field = Buffer.alloc(26);
    field.writeUInt16LE(20, 0);
    field.writeUInt16LE(method, 4);
    field.writeUInt32LE(crc32(data), 10);
    field.writeUInt32LE(packed.length, 14);
    field.writeUInt32LE(data.length, 18);
    field.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), field, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\0'), field, tail, Buffer.from(name)]));
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, index, end]);
}

describe('files of tables and archives', () => {
  it('Arrow: streams and files, of rows with lists and objects, by path and by bytes', async () => {
    const table = tableFromArrays({ prompt: ['Q', 'R'], chosen: ['a', 'b'], rejected: ['c', 'd'] });
    const folder = mkdtempSync(join(tmpdir(), 'qrm-arrow-'));
    try {
      for (const kind of ['stream', 'file'] as const) {
        const bytes = Buffer.from(tableToIPC(table, kind));
        const path = join(folder, `data-${kind}`);
        writeFileSync(path, bytes);
        for (const source of [{ path }, { bytes, name: 'data' }]) {
          expect(await detectFormat(source)).toMatchObject({ container: 'arrow' });
          const { rows, problems } = await readAll(source);
          expect(problems).toEqual([]);
          expect(rows.map(told)).toEqual([
            ['chosen: user Q | *assistant a', 'rejected: user Q | *assistant c'],
            ['chosen: user R | *assistant b', 'rejected: user R | *assistant d'],
          ]);
        }
        const cut = await readAll({ bytes: bytes.subarray(0, bytes.length >> 1), name: 'data' });
        expect(cut.problems.length).toBeGreaterThan(0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('Inspect .eval: stored, deflate and zstd entries', async () => {
    const sample = (q: string, a: string) => Buffer.from(JSON.stringify({ id: 1, epoch: 1, input: q, target: '', messages: [{ role: 'user', content: q }, { role: 'assistant', content: a }], output: { choices: [] } })); // prettier-ignore
    const [one, two] = [sample('Q', 'A'), sample('R', 'B')];
    const zstd = fixture('two-frames.jsonl.zst');
    const bytes = zipOf([
      ['header.json', Buffer.from('{}'), 0, Buffer.from('{}')],
      ['samples/1_epoch_1.json', one, 0, one],
      ['samples/2_epoch_1.json', two, 8, deflateRawSync(two)],
      ['samples/3_epoch_1.json', fixture('two-frames.jsonl'), 93, zstd],
    ]);
    const { rows, problems } = await readAll({ bytes, name: 'log.eval' });
    expect(rows.map(told)).toEqual([
      ['transcript: user Q | *assistant A'],
      ['transcript: user R | *assistant B'],
    ]);
    // Two frames hold two lines, which are no JSON value: they were decompressed whole.
    expect(problems).toMatchObject([
      { code: 'malformed-row', message: expect.stringContaining('samples/3_epoch_1.json') },
    ]);
  });
});

describe('what is no data set', () => {
  it.each([
    [
      'JSON Lines',
      lines(...Array.from({ length: 50 }, (_, n) => ({ time: n, level: 'info' }))),
      'log.jsonl',
    ],
    ['CSV', `date,price\n${'2024-01-01,3\n'.repeat(50)}`, 'prices.csv'],
    ['JSON', JSON.stringify(Array.from({ length: 50 }, (_, n) => ({ id: n }))), 'list.json'],
    ['text of a log', 'Started.\nStopped: no reason\n'.repeat(30), 'server.jsonl'],
  ])('%s: one hint', async (_, text, name) => {
    const { rows, problems } = await ofText(text, name);
    expect(rows).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toContain('is it a data set?');
  });

  it('records that are not understood among rows are told one by one', async () => {
    const { rows, problems } = await ofText(
      lines({ a: 1 }, { b: 1 }, { prompt: 'Q', response: 'A' }, { c: 1 }),
    );
    expect(rows).toHaveLength(1);
    expect(problems.map((p) => p.place.line)).toEqual([0, 1, 3]);
  });

  it.each(['x.txt', 'x.csv', 'x.md', 'x.json', 'x', 'x.parquet'])(
    'JSON Lines named %s are read',
    async (name) => {
      const { rows, problems } = await ofText(
        lines({ prompt: 'Q', response: 'A' }, { prompt: 'R', response: 'B' }),
        name,
      );
      expect(problems).toEqual([]);
      expect(rows).toHaveLength(2);
    },
  );

  it.each(['x.txt', 'x.json', 'x.jsonl', 'x'])('CSV named %s is read', async (name) => {
    const { rows, problems } = await ofText('prompt,chosen,rejected\nQ,A,B\n', name);
    expect(problems).toEqual([]);
    expect(rows).toHaveLength(1);
  });
});
