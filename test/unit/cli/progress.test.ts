import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { parseThreshold, TAIL } from '../../../server/src/audit/index.js';
import { failOn, mapping, number, weights } from '../../../server/src/cli/options/values/shared.js';
import { Share } from '../../../server/src/cli/output/progress.js';
import { duration } from '../../../server/src/protocol/index.js';
import { textBytes } from '../../../server/src/cli/output/size.js';
import { readDataset } from '../../../server/src/datasets/index.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-progress-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string | Buffer): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const root = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe('textBytes', () => {
  it('tells the size of the text without reading it, compressed or not', () => {
    const text = 'a line of text\n'.repeat(1000);
    expect(textBytes(file('a.jsonl', text))).toBe(15_000);
    expect(textBytes(file('a.gz', gzipSync('x y z w v u'.repeat(3))))).toBe(33);
    const hh = root('examples/hh-harmless.jsonl.gz');
    expect(textBytes(hh)).toBe(gunzipSync(readFileSync(hh)).length);
  });
  it('tells the size of the frame of a zstd file where the frame has it', () => {
    const zst = root('test/fixtures/datasets/two-frames.jsonl.zst');
    const whole = readFileSync(root('test/fixtures/datasets/two-frames.jsonl')).length;
    const size = textBytes(zst);
    if (size !== undefined) expect(size).toBeLessThanOrEqual(whole);
    // A frame with a two-byte size field, as RFC 8878 gives it: the field plus 256.
    const frame = Buffer.from([
      0x28,
      0xb5,
      0x2f,
      0xfd,
      0x60,
      0x10,
      0x27,
      ...Array<number>(20).fill(0),
    ]);
    expect(textBytes(file('f.zst', frame))).toBe(0x2710 + 256);
  });
  it('says nothing of Parquet, of other things, and of no file', () => {
    expect(textBytes(file('a.parquet', `PAR1${'x'.repeat(100)}PAR1`))).toBeUndefined();
    expect(textBytes(join(folder, 'missing'))).toBeUndefined();
    expect(textBytes(file('empty', ''))).toBe(0);
  });
});

describe('Share', () => {
  const rowsOf = async (path: string) => {
    const ends: number[] = [];
    for await (const event of readDataset({ path })) {
      if (event.type === 'row') ends.push(event.row.place.end);
    }
    return ends;
  };
  const lines = (n: number) =>
    Array.from({ length: n }, (_, i) => JSON.stringify({ prompt: 'p', response: `r${i}` })).join(
      '\n',
    );

  it('rises from row to row to 1 over files of different sizes', async () => {
    const paths = [file('s1.jsonl', lines(5)), file('s2.jsonl', lines(50))];
    const share = new Share(paths);
    const seen: number[] = [];
    for (const [n, path] of paths.entries()) {
      for (const end of await rowsOf(path)) seen.push(share.at(n, end)!);
    }
    expect(seen).toHaveLength(55);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen[4]).toBeLessThan(0.15);
    expect(seen.at(-1)).toBeGreaterThan(0.98);
    expect(seen.at(-1)).toBeLessThanOrEqual(1);
  });
  it('counts rows where only so many are taken, and is unknown where a size is', async () => {
    const path = file('s3.jsonl', lines(100));
    const limited = new Share([path], 10);
    const ends = (await rowsOf(path)).slice(0, 10);
    expect(ends.map((end) => limited.at(0, end)!).at(4)).toBeCloseTo(0.5, 1);
    expect(new Share([path, join(folder, 'gone')]).at(0, 10)).toBeUndefined();
  });
});

describe('options', () => {
  it('reads figures, shares and weights, and refuses the rest', () => {
    expect(parseThreshold('-0.25', '--t', { figure: TAIL })).toEqual({
      kind: 'absolute',
      value: -0.25,
    });
    expect(parseThreshold('2.5%', '--t', { figure: TAIL })).toEqual({
      kind: 'relative',
      share: 0.025,
    });
    for (const bad of ['', '%', 'x%', '120%', '1e999']) {
      expect(() => parseThreshold(bad, '--t', { figure: TAIL })).toThrow(/^--t/);
    }
    expect(number('--n', 1, 5, true)('3')).toBe(3);
    for (const bad of ['0', '6', '2.5', ' ', 'NaN']) {
      expect(() => number('--n', 1, 5, true)(bad)).toThrow(/from 1 to 5/);
    }
    expect(weights('b=2, a=-1', ['a', 'b', 'c'])).toEqual([-1, 2, 0]);
    expect(() => weights('d=1', ['a', 'b'])).toThrow(/one of a, b/);
    const fields = '{"prompt": "q", "response": "a"}';
    expect(mapping(fields)).toEqual({ prompt: 'q', response: 'a' });
    expect(mapping(file('m.json', fields))).toEqual({ prompt: 'q', response: 'a' });
    expect(() => mapping('7')).toThrow(/expected an object/);
    expect(() => mapping('{')).toThrow(/expected a JSON object/);
    expect(() => mapping('{"chosen": "a", "worse": "b"}')).toThrow(
      /the key 'worse', expected one of/,
    );
    expect(() => mapping('{"prompt": "q"}')).toThrow(/no field of a response/);
  });
  it('fails on a severity and all above it, or on a count of a code', () => {
    const of = (code: 'truncated' | 'unscored', severity: 'error' | 'warning' | 'info') =>
      ({ code, severity, response: 0, message: '' }) as const;
    const findings = [of('truncated', 'warning'), of('truncated', 'error'), of('unscored', 'info')];
    const fails = (what: string) => {
      const { counts, least } = failOn(what);
      return findings.filter(counts).length >= least;
    };
    expect(['error', 'warning:2', 'info:3', 'truncated:2', 'unscored'].map(fails)).toEqual(
      Array(5).fill(true),
    );
    expect(['error:2', 'warning:3', 'truncated:3', 'multimodal'].map(fails)).toEqual(
      Array(4).fill(false),
    );
  });
});

describe('output', () => {
  it('says durations as people do', () => {
    expect([0.4, 42, 200, 7500].map(duration)).toEqual(['0 s', '42 s', '3 min 20 s', '2 h 5 min']);
  });
});
