import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { groupedFolds, splitFold } from '../../../server/src/training/folds.js';
import { permutation, seeded } from '../../../server/src/training/random.js';
import { readPairs, readRatedResponses } from '../../../server/src/training/samples.js';

const folder = mkdtempSync(join(tmpdir(), 'qrm-samples-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const row = {
  prompt: [{ role: 'user', content: 'Hi' }],
  response: ' Hello.\n',
  scores: { helpful: [1, 5, 4], other: [3] },
  scale: { helpful: [1, 5], other: [1, 5] },
};

describe('rated responses', () => {
  it('bring every label into [0, 1] and keep each rater', async () => {
    const [read] = await readRatedResponses(file('one.jsonl', JSON.stringify(row)), 'helpful');
    expect(read?.labels).toEqual([0, 1, 0.75]);
    expect(read?.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Hello.' },
    ]);
  });

  it('are read from gzip too, blank lines skipped', async () => {
    const text = `${JSON.stringify(row)}\n\n${JSON.stringify(row)}\n`;
    expect(await readRatedResponses(file('two.jsonl.gz', gzipSync(text)), 'helpful')).toHaveLength(
      2,
    );
  });

  const broken: [string, unknown, RegExp][] = [
    ['not JSON', '{', /broken\.jsonl:2: not JSON/],
    ['no prompt', { ...row, prompt: 'Hi' }, /broken\.jsonl:2: "prompt" must be/],
    ['no response', { ...row, response: 1 }, /broken\.jsonl:2: "response" must be/],
    ['no labels', { ...row, scores: {} }, /broken\.jsonl:2: "scores" must give helpful/],
    ['a label off the scale', { ...row, scores: { helpful: [6] } }, /labels from 1 to 5/],
    ['an empty scale', { ...row, scale: { helpful: [1, 1] } }, /"scale" must give helpful/],
  ];
  it.each(broken)('name file and line of a row with %s', async (_, bad, message) => {
    const second = typeof bad === 'string' ? bad : JSON.stringify(bad);
    const path = file('broken.jsonl', `${JSON.stringify(row)}\n${second}\n`);
    await expect(readRatedResponses(path, 'helpful')).rejects.toThrow(message);
  });
});

describe('pairs', () => {
  const pair = (answer: string): string => `\n\nHuman: Hi\n\nAssistant: ${answer}`;

  it('are read with the dataset readers', async () => {
    const line = JSON.stringify({ chosen: pair('Hello.'), rejected: pair('No.') });
    expect(await readPairs(file('pairs.jsonl', `${line}\n`))).toEqual([
      {
        chosen: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'Hello.' },
        ],
        rejected: [
          { role: 'user', content: 'Hi' },
          { role: 'assistant', content: 'No.' },
        ],
        group: 'Hi',
      },
    ]);
  });

  it('stop a build at a record that is none', async () => {
    const lines = `${JSON.stringify({ chosen: pair('a'), rejected: pair('b') })}\n{"chosen":\n`;
    await expect(readPairs(file('bad.jsonl', lines))).rejects.toThrow(/bad\.jsonl:2: /);
  });
});

describe('folds', () => {
  const groups = fc.array(fc.integer({ min: 0, max: 30 }).map(String), { minLength: 5 });

  it('hold every sample once and never split a group', () => {
    fc.assert(
      fc.property(groups, fc.integer(), (names, seed) => {
        fc.pre(new Set(names).size >= 3);
        const folds = groupedFolds(names, 3, seed);
        expect(new Set(folds)).toEqual(new Set([0, 1, 2]));
        names.forEach((a, i) =>
          names.forEach((b, j) => a === b && expect(folds[i]).toBe(folds[j])),
        );
        const { train, test } = splitFold(folds, 1);
        expect([...train, ...test].sort((a, b) => a - b)).toEqual(names.map((_, i) => i));
      }),
    );
  });

  it('are about equally large', () => {
    const names = Array.from({ length: 100 }, (_, i) => String(i >> 1));
    const folds = groupedFolds(names, 5, 1);
    for (let f = 0; f < 5; f++) expect(folds.filter((x) => x === f)).toHaveLength(20);
  });

  it('refuse fewer groups than folds', () => {
    expect(() => groupedFolds(['a', 'b', 'a'], 3, 0)).toThrow(/2 groups/);
  });

  it('are the same for the same seed', () => {
    expect(permutation(20, seeded(4))).toEqual(permutation(20, seeded(4)));
    expect(permutation(20, seeded(4))).not.toEqual(permutation(20, seeded(5)));
  });
});
