import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareData,
  LEAKS,
  parseSplit,
  partOfRow,
  renderComparison,
  type Comparison,
  type ComparisonFormat,
} from '../../../server/src/cleaning/index.js';
import { readDataset, type DatasetRow } from '../../../server/src/datasets/index.js';
import { pairLine } from '../audit/helpers.js';

type Pair = readonly [prompt: string, chosen: string, rejected: string];
const text = (pairs: readonly Pair[]) => pairs.map((p) => pairLine(...p)).join('\n');
const source = (content: string, side: 0 | 1, name: string) => ({
  path: name,
  side,
  open: () => readDataset({ bytes: Buffer.from(content), name: `${name}.jsonl` }),
});
const compared = (a: readonly Pair[], b: readonly Pair[], near = 0) =>
  compareData([source(text(a), 0, 'a'), source(text(b), 1, 'b')], { near });
const words = (from: number, n = 40) =>
  Array.from({ length: n }, (_, i) => `w${from + i}`).join(' ');

describe('what two data sets share', () => {
  it('agrees with a search of every row in every other, on random pairs', async () => {
    const letter = (of: string) => fc.constantFrom(...of);
    const pair = fc.tuple(letter('PQRS'), letter('abcd'), letter('abcd'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(pair, { maxLength: 8 }),
        fc.array(pair, { maxLength: 8 }),
        async (a, b) => {
          const { counts, leaks, a: sideA, b: sideB } = await compared(a, b);
          const rows = (test: (row: Pair, other: Pair) => boolean) =>
            b.filter((row) => a.some((other) => test(row, other))).length;
          const prompt = rows((r, o) => r[0] === o[0]);
          expect(counts).toEqual({
            'shared-prompt': prompt,
            'shared-response': rows(
              (r, o) => r[0] === o[0] && (o.slice(1).includes(r[1]) || o.slice(1).includes(r[2])),
            ),
            'contradicting-label': rows(
              (r, o) => r[0] === o[0] && r[1] === o[2] && r[2] === o[1] && r[1] !== r[2],
            ),
            'near-duplicate': 0,
            'near-prompt': 0,
          });
          expect(leaks).toHaveLength(prompt);
          for (const { row, of } of leaks) expect(a[of.row]![0]).toBe(b[row]![0]);
          expect([sideA.rows, sideA.prompts]).toEqual([a.length, new Set(a.map((r) => r[0])).size]);
          expect([sideB.rows, sideB.responses]).toEqual([b.length, 2 * b.length]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('finds what is nearly the same, and copies of that in the second data set too', async () => {
    const near: Pair = [`${words(0)} more`, `${words(1000)} then`, words(5000)];
    const a: Pair[] = [
      ['other', 'x', 'y'],
      [words(0), words(1000), words(2000)],
    ];
    const b: Pair[] = [near, ['nothing', 'of', 'it'], near, [words(0), 'new', 'ones']];
    const { counts, leaks } = await compared(a, b, 80);
    expect(counts).toEqual({
      'contradicting-label': 0,
      'shared-response': 0,
      'near-duplicate': 2,
      'shared-prompt': 1,
      'near-prompt': 2,
    });
    expect(leaks.map(({ row, kinds, of }) => [row, kinds, of.row])).toEqual([
      [0, ['near-duplicate', 'near-prompt'], 1],
      [2, ['near-duplicate', 'near-prompt'], 1],
      [3, ['shared-prompt'], 1],
    ]);
    expect((await compared(a, b)).leaks.map(({ row }) => row)).toEqual([3]);
  });

  it('a split by prompt leaks nothing; one by rows does', async () => {
    const pairs = Array.from({ length: 200 }, (_, n): Pair => [`prompt ${n % 40}`, `c${n}`, `r${n}`]); // prettier-ignore
    const parts = parseSplit('train=50/test=50');
    const sides: [Pair[], Pair[]] = [[], []];
    for await (const event of readDataset({ bytes: Buffer.from(text(pairs)), name: 'd.jsonl' }))
      if (event.type === 'row')
        sides[partOfRow(event.row as DatasetRow, parts)]!.push(pairs[event.row.index]!);
    expect(Math.min(sides[0].length, sides[1].length)).toBeGreaterThan(20);
    expect((await compared(...sides)).leaks).toEqual([]);
    expect((await compared(pairs.slice(0, 100), pairs.slice(100))).counts['shared-prompt']).toBe(
      100,
    );
  });
});

describe('its report', () => {
  const at = (row: number) => ({ file: 0, row, line: row });
  const comparison: Comparison = {
    a: { rows: 3, responses: 6, prompts: 3 },
    b: { rows: 4, responses: 8, prompts: 4 },
    counts: { 'contradicting-label': 0, 'shared-response': 1, 'near-duplicate': 0, 'shared-prompt': 2, 'near-prompt': 0 }, // prettier-ignore
    leaks: [
      { ...at(1), file: 1, kinds: ['shared-response', 'shared-prompt'], of: at(2) },
      { ...at(3), file: 1, kinds: ['shared-prompt'], of: at(0) },
    ],
  };
  const names = { a: 'a', b: '=b', files: ['a', '=b,"\u001b[31m'], near: 80 };
  const made = (format: ComparisonFormat, listed: boolean) =>
    [...renderComparison(format, comparison, names, listed)].join('\n');

  it('JSON parses, and has what is asked for', () => {
    expect(JSON.parse(made('json', false))).not.toHaveProperty('leaks');
    const { any, counts, leaks } = JSON.parse(made('json', true)) as { any: number; counts: object; leaks: object[] }; // prettier-ignore
    expect([any, Object.keys(counts)]).toEqual([2, [...LEAKS]]);
    expect(leaks[1]).toEqual({ kinds: ['shared-prompt'], file: names.files[1], row: 4, line: 4, of: { file: 'a', row: 1, line: 1 } }); // prettier-ignore
  });

  it('CSV is no formula, text has no escape sequence', () => {
    expect(made('csv', true).split('\n')[1]).toBe(
      'shared-response shared-prompt,"\'=b,""\u001b[31m",2,2,a,3,3',
    );
    expect(made('csv', false)).toContain('shared-prompt,2,0.5');
    expect(made('text', true)).not.toContain('\u001b');
    expect(made('text', true)).toMatch(/any +2 +50\.0 %/);
  });
});
