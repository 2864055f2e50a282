import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  groupedFolds,
  permutation,
  seeded,
  splitFold,
} from '../../../server/src/evaluation/statistics/index.js';
import { choose, foldOf, Split } from '../../../server/src/training/data/selection.js';

describe('the choice of a sample', () => {
  const items = Array.from({ length: 60 }, (_, i) => ({
    item: i,
    group: `g${i % 20}`,
    prompt: `p${i % 20}`,
    content: `c${i}`,
    value: Math.floor(i / 40),
  }));
  const take = (max: number, perPrompt: number, accept = (_: number) => true): number[][] =>
    choose(items, { seed: 1, max, perPrompt }, accept);

  it('takes prompts whole, in an order that does not depend on the file', () => {
    const all = take(Infinity, Infinity);
    expect(all.flat().sort((a, b) => a - b)).toEqual(items.map((i) => i.item));
    for (const prompt of all) expect(new Set(prompt.map((i) => i % 20)).size).toBe(1);
    const turned = choose([...items].reverse(), { seed: 1, max: 12, perPrompt: 3 }, () => true);
    expect(turned).toEqual(take(12, 3));
  });

  it('holds a smaller sample in a larger one', () => {
    const large = new Set(take(30, 2).flat());
    for (const i of take(10, 2).flat()) expect(large.has(i)).toBe(true);
  });

  it('takes responses that differ, where a prompt has some', () => {
    for (const [a, b] of take(40, 2)) expect(a! >= 40).not.toBe(b! >= 40);
  });

  it('counts only what is accepted', () => {
    expect(take(10, 2, (i) => i % 2 === 0).flat()).toHaveLength(10);
  });

  it('splits by prompt, alike in every file, and keeps an older split', () => {
    const split = new Split(3, 0.25);
    const groups = Array.from({ length: 2000 }, (_, i) => `prompt ${i}`);
    const share = groups.filter((g) => split.isHeldOut(g)).length / groups.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
    expect(new Split(3, 0.25).isHeldOut(groups[0]!)).toBe(split.isHeldOut(groups[0]!));
    split.fix(groups.slice(0, 2), [true, false]);
    expect(groups.slice(0, 2).map((g) => split.isHeldOut(g))).toEqual([true, false]);
    for (const g of groups) expect([0, 1, 2, 3]).toContain(foldOf(3, g, 4));
  });
});

describe('an older split', () => {
  it('holds out what it holds out anywhere', () => {
    const split = new Split(1, 0);
    split.fix(['a', 'b', 'a', 'b'], [true, false, false, false]);
    expect(['a', 'b'].map((g) => split.isHeldOut(g))).toEqual([true, false]);
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
