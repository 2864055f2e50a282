import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompress, compressionOf } from '../../../server/src/datasets/input/compression.js';
import { Xxh64 } from '../../../server/src/datasets/input/decompress/xxh64.js';
import { chunked, fixture, readAll } from './helpers.js';

/** What comes before an error, and the error. */
async function opened(bytes: Buffer, sizes = [bytes.length + 1]) {
  const parts: Uint8Array[] = [];
  let error: Error | undefined;
  try {
    for await (const part of decompress(chunked(bytes, sizes), compressionOf(bytes)))
      parts.push(part);
  } catch (thrown) {
    error = thrown as Error;
  }
  return { data: Buffer.concat(parts), error };
}

const good = (n: number): string => JSON.stringify({ prompt: `q${n}`, response: `a${n}` });
const rows = Array.from({ length: 400 }, (_, i) => good(i * 7919)).join('\n') + '\n';

describe('gzip', () => {
  it('any members in any chunks give their data, padding of zeros aside', async () => {
    const members = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 4 });
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(members, sizes, fc.nat(40), async (parts, cut, zeros) => {
        const bytes = Buffer.concat([...parts.map((p) => gzipSync(p)), Buffer.alloc(zeros)]);
        const { data, error } = await opened(bytes, cut);
        expect(error).toBeUndefined();
        expect(data.equals(Buffer.concat(parts))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('what follows the last member costs none of its rows', async () => {
    for (const [name, count, odd] of [
      ['garbage', 3, true],
      ['members', 4, false],
      ['zeros', 3, false],
    ] as const) {
      const bytes = fixture(`compressed/${name}.jsonl.gz`);
      const { rows: read, problems } = await readAll({ bytes, name: 'x.jsonl.gz' });
      expect([name, read.length]).toEqual([name, count]);
      expect(problems.map((p) => p.code)).toEqual(odd ? ['unreadable'] : []);
    }
  });

  it('a cut or damaged member gives the rows before, and a problem', async () => {
    const zip = gzipSync(rows);
    for (let end = zip.length - 1; end > 40; end -= 97) {
      const { data, error } = await opened(zip.subarray(0, end));
      expect(error?.message).toContain('ends inside its compressed data');
      expect(rows.startsWith(data.toString())).toBe(true);
      if (end > zip.length / 2) expect(data.length).toBeGreaterThan(rows.length / 4);
    }
    const torn = Buffer.from(zip);
    torn.fill(0xff, zip.length - 200, zip.length - 100);
    const { data, error } = await opened(torn);
    expect(error).toBeDefined();
    expect(data.length).toBeGreaterThan(rows.length / 2);
    const wrong = Buffer.from(zip);
    wrong[zip.length - 5]! ^= 1;
    const sum = await opened(wrong);
    expect(sum.error?.message).toContain('checksum');
    expect(sum.data.toString()).toBe(rows);
  });
});

describe('zstd', () => {
  const frame = fixture('compressed/rows.jsonl.zst');
  const text = fixture('compressed/rows.jsonl');

  it('frames with a checksum, skippable frames between them, in any chunks', async () => {
    const skip = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
    const bytes = Buffer.concat([skip, frame, skip, frame, skip]);
    for (const sizes of [[1], [13, 5], [1 << 20]]) {
      const { data, error } = await opened(bytes, sizes);
      expect(error).toBeUndefined();
      expect(data.equals(Buffer.concat([text, text]))).toBe(true);
    }
  });

  it('a wrong checksum, a cut frame and what follows it are told after the rows', async () => {
    const wrong = Buffer.from(frame);
    wrong[frame.length - 1]! ^= 1;
    const sum = await opened(wrong);
    expect(sum.error?.message).toContain('checksum');
    expect(sum.data.equals(text)).toBe(true);
    const cut = await opened(frame.subarray(0, frame.length - 10));
    expect(cut.error?.message).toContain('ends inside');
    const odd = await opened(Buffer.concat([frame, Buffer.from('odd bytes')]));
    expect(odd.error?.message).toContain(`byte ${frame.length} of the file begins no frame`);
    expect(odd.data.equals(text)).toBe(true);
  });

  it('a window above 128 MiB or a dictionary is told, and nothing is taken for it', async () => {
    const head = (descriptor: number, ...rest: number[]) =>
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, descriptor, ...rest, 0, 0, 0, 0, 0, 0]);
    const large = await opened(head(0, 0xa8));
    expect(large.error?.message).toContain('a window of 2048 MiB; expected at most 128 MiB');
    const single = await opened(head(0xe0, 0, 0, 0, 0, 16, 0, 0, 0));
    expect(single.error?.message).toContain('a window of 65536 MiB');
    expect((await opened(head(1, 0x48, 7))).error?.message).toContain('dictionary');
  });
});

describe('XXH64', () => {
  it('gives the published values, whatever the chunks', () => {
    const low = (data: Buffer, size: number): number => {
      const hash = new Xxh64();
      for (let at = 0; at < data.length; at += size) hash.update(data.subarray(at, at + size));
      return hash.low();
    };
    for (const [words, published] of [
      ['', 0xef46db3751d8e999n],
      ['a', 0xd24ec4f1a98c6e5bn],
      ['abc', 0x44bc2cf5ad770999n],
      ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
    ] as const)
      for (const size of [1, 7, 32, 100])
        expect(low(Buffer.from(words), size)).toBe(Number(published & 0xffffffffn));
  });

  it('a frame shorter than its own header gives its bytes', async () => {
    for (let size = 0; size < 30; size++) {
      const data = Buffer.alloc(size, 0x61);
      const head = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x38, ((size << 3) | 1) & 255, size >> 5, 0];
      const bytes = Buffer.concat([Buffer.from(head), data]);
      const parts: Uint8Array[] = [];
      async function* source() {
        yield bytes as Uint8Array;
      }
      for await (const part of decompress(source(), 'zstd')) parts.push(part);
      expect(Buffer.concat(parts).toString()).toBe(data.toString());
    }
  });
});
