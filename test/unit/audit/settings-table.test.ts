import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readIgnored, ResponseTable, type Threshold } from '../../../server/src/audit/index.js';
import { inWords, resolve } from '../../../server/src/audit/thresholds.js';
import { LEVELS, place, scoreOf, tableOf } from './helpers.js';

const share = (s: number): Threshold => ({ kind: 'relative', share: s });

describe('resolve', () => {
  it('gives a limit that the share of the figures is at or below, and no more than that', () =>
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), {
          minLength: 10,
          maxLength: 200,
          // 0 and -0 are one figure.
          comparator: 'SameValueZero',
        }),
        fc.integer({ min: 1, max: 100 }),
        (values, percent) => {
          const limit = resolve(share(percent / 100), values, 10);
          const below = values.filter((v) => v <= limit).length;
          expect(below).toBeGreaterThanOrEqual((percent / 100) * values.length - 1e-6);
          expect(below - 1).toBeLessThan((percent / 100) * values.length + 1e-6);
        },
      ),
    ));
  it('leaves out NaN, and says nothing of too few figures', () => {
    expect(resolve(share(0.5), [3, Number.NaN, 1, 2, 4], 4)).toBe(2);
    expect(resolve(share(0.5), [3, Number.NaN, 1, 2], 4)).toBeNaN();
    expect(resolve({ kind: 'absolute', value: 7 }, [], 10)).toBe(7);
  });
  it('names the threshold', () => {
    expect(inWords(share(0.05), 'lowest')).toBe("the dataset's lowest 5 %");
    expect(inWords(share(0.0007), 'lowest')).toBe("the dataset's lowest 0.07 %");
    expect(inWords({ kind: 'absolute', value: 1 }, 'lowest')).toBe('set by you');
  });
});

describe('table', () => {
  it('gives back every number of a response, across its chunks', () => {
    const n = 40_000; // over two chunks of every column
    const table = new ResponseTable(LEVELS);
    const score = (i: number) => Float32Array.from(LEVELS, (tau) => Math.fround(i + tau));
    for (let i = 0; i < n; i++) {
      table.add({
        file: i % 3,
        row: i >> 1,
        conversation: i % 2,
        target: 1,
        kind: i % 2 === 0 ? 'chosen' : 'rejected',
        label: `l${i % 5}`,
        place: { ...place(i), start: 2 ** 33 + i, end: 2 ** 33 + i + 5 },
        hash: Buffer.from(i.toString(16).padStart(32, '0'), 'hex'),
      });
      if (i % 7 !== 0) {
        const m = { expectation: i, tail: i + 1, cvar: i + 2, spread: i + 3 };
        const more = { certaintyEquivalent: i + 4, modes: i % 4, sorted: score(i) };
        table.score(i, { ...m, ...more }, i + 5, i + 6);
      }
    }
    for (let i = 1; i < n; i += 1213) {
      expect(table.file.get(i)).toBe(i % 3);
      expect(table.row.get(i)).toBe(i >> 1);
      expect(table.kindOf(i)).toBe(i % 2 === 0 ? 'chosen' : 'rejected');
      expect(table.label(i)).toBe(`l${i % 5}`);
      expect(table.place(i)).toEqual({ ...place(i), start: 2 ** 33 + i, end: 2 ** 33 + i + 5 });
      expect(table.hash(i)).toBe('0'.repeat(16)); // the first 8 bytes
      expect(table.scored(i)).toBe(i % 7 !== 0);
      if (i % 7 === 0) continue;
      expect(table.quantiles(i)).toEqual(score(i));
      const { expectation, tail, cvar, spread, certaintyEquivalent, tokens, truncated } = table;
      const columns = [expectation, tail, cvar, spread, certaintyEquivalent, tokens, truncated];
      expect(columns.map((c) => c.get(i))).toEqual([0, 1, 2, 3, 4, 5, 6].map((d) => i + d));
    }
    expect([...table.values(table.tail)]).toHaveLength(n - Math.ceil(n / 7));
  });

  it('holds a million responses in under 200 MB of columns and nothing on the heap', () => {
    const before = process.memoryUsage();
    const table = new ResponseTable(LEVELS);
    const response = {
      ...({
        file: 0,
        row: 0,
        conversation: 0,
        target: 1,
        kind: 'chosen',
        label: 'chosen',
      } as const),
      place: place(1),
      hash: Buffer.alloc(16, 7),
    };
    const m = {
      ...{ expectation: 0, tail: 0, cvar: 0, spread: 0, certaintyEquivalent: 0, modes: 1 },
      sorted: scoreOf(0).quantiles,
    };
    for (let i = 0; i < 1e6; i++) table.score(table.add(response), m, 1, 0);
    const after = process.memoryUsage();
    expect(table.length).toBe(1e6);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(200e6);
    expect(after.arrayBuffers - before.arrayBuffers).toBeGreaterThan(100e6);
    expect(table.hash(999_999)).toBe('07'.repeat(8));
  });

  it('knows halves of a pair, and none for single responses', () => {
    const table = tableOf([scoreOf(0), scoreOf(1), scoreOf(2)]);
    table.pair(0, 2);
    expect([0, 1, 2].map((i) => table.partner(i))).toEqual([2, undefined, 0]);
  });

  it('knows the siblings of a completion, as long as they are there', () => {
    const table = tableOf(Array.from({ length: 7 }, (_, i) => scoreOf(i)));
    table.join([1, 2, 4, 6]);
    table.join([3]);
    const siblings = () => Array.from({ length: 7 }, (_, i) => table.siblings(i));
    expect(siblings()).toEqual([[], [2, 4, 6], [1, 4, 6], [], [1, 2, 6], [], [1, 2, 4]]);
    table.remove(4);
    expect(table.siblings(1)).toEqual([2, 6]);
  });
});

describe('ignore file', () => {
  const hash = 'ab'.repeat(8);
  const read = (text: string) => {
    const folder = mkdtempSync(join(tmpdir(), 'qrm-ignore-'));
    try {
      writeFileSync(join(folder, 'i.json'), text);
      return readIgnored([join(folder, 'missing.json'), join(folder, 'i.json')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  it('covers one code of a response, or all', () => {
    const one = read(JSON.stringify({ ignored: [{ hash, code: 'multimodal', reason: 'known' }] }));
    expect([one(hash, 'multimodal'), one(hash, 'truncated')]).toEqual([true, false]);
    const all = read(JSON.stringify({ version: 1, ignored: [{ hash }] }));
    expect([all(hash, 'truncated'), all('00'.repeat(8), 'truncated')]).toEqual([true, false]);
  });
  it.each(['', '[]', '{"ignored": 3}', '{"ignored": [{"hash": "xyz"}]}', '{"ignored": [null]}'])(
    'refuses %j and names the file',
    (text) => expect(() => read(text)).toThrow(/i\.json.*expected \{"version"/),
  );
});
