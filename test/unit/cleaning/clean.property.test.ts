import { parquetReadObjects, asyncBufferFromFile } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { undo } from '../../../server/src/cleaning/index.js';
import { Random } from '../../fuzz/random.js';
import {
  ownFolder,
  below,
  text,
  fileOf,
  rowsOf,
  plain,
  answers,
  planOf,
  clean,
  folders,
} from './random-files.js';

afterAll(() => folders.forEach((path) => rmSync(path, { recursive: true, force: true })));

/** zstd as a frame of one raw block. */
const zstd = (bytes: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x38]),
    Buffer.from([((bytes.length << 3) | 1) & 255, (bytes.length >> 5) & 255, bytes.length >> 13]),
    bytes,
  ]);

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
