import { describe, expect, it } from 'vitest';
import {
  Limits,
  RULES,
  runRules,
  type FindingCode,
  ResponseTable,
  type Thresholds,
} from '../../../../server/src/audit/index.js';
import { measure, probabilityBeats } from '../../../../server/src/qrm/index.js';
import { notesOn } from '../../../../server/src/audit/report/summary.js';
import { LEVELS, place, scoreOf, tableOf } from '../helpers.js';

const run = (table: ResponseTable, code: FindingCode, thresholds: Thresholds = {}) =>
  [...runRules({ table, thresholds, tau: 0.05 })].filter((f) => f.code === code);
/** n responses with means 0, 1, …, n-1, so that response i has the i-th lowest tail. */
const ladder = (n: number) => tableOf(Array.from({ length: n }, (_, i) => scoreOf(i)));

/** Rows of pairs with the given means of chosen and rejected. */
function pairs(means: readonly (readonly [number, number])[]): ResponseTable {
  const table = tableOf(means.flatMap(([c, r]) => [scoreOf(c), scoreOf(r)]));
  means.forEach((_, row) => {
    const [chosen, rejected] = [2 * row, 2 * row + 1];
    table.kind.set(chosen, 0);
    table.kind.set(rejected, 1);
    table.pair(chosen, rejected);
    const p = probabilityBeats(table.quantiles(chosen), table.quantiles(rejected), LEVELS);
    table.beats.set(chosen, p);
  });
  return table;
}

describe('duplicate-response', () => {
  const rule = RULES.find(({ code }) => code === 'duplicate-response')!;

  // As many as the slots' number is computed from: a search for one more would meet no free slot.
  it.each([1, 7, 8, 9, 16, 64])('a response added after `prepare` is none (%i before)', (n) => {
    const table = ladder(n);
    const check = rule.prepare({ table, tau: 0.05, threshold: undefined, limits: {} as never });
    for (let i = 0; i < n; i++) expect(check(i)).toBeUndefined();
    const added = tableOf(Array.from({ length: 3 * n + 40 }, (_, i) => scoreOf(i)));
    for (let i = n; i < added.length; i++) {
      const id = table.adopt(added, i, i);
      expect(check(id)).toBeUndefined();
    }
    // A copy of one that was there: the next preparation finds it, this one does not look.
    const copy = table.adopt(table, 0, table.length);
    expect(check(copy)).toBeUndefined();
    const again = rule.prepare({ table, tau: 0.05, threshold: undefined, limits: {} as never });
    const found = Array.from({ length: table.length }, (_, i) => again(i)).filter(Boolean);
    expect(found).toMatchObject([{ response: copy, related: 0 }]);
  });
});

describe('a model that gives one number a response (K = 1)', () => {
  it('has no tail and no shape: those rules are silent, the others work, and the report says so once', () => {
    const table = new ResponseTable([0.5]);
    for (let i = 0; i < 400; i++) {
      const id = table.add({
        file: 0,
        row: i >> 1,
        conversation: 0,
        target: 1,
        kind: i % 2 === 0 ? 'chosen' : 'rejected',
        label: '',
        place: place(i),
        hash: Uint8Array.of(1, 2, 3, 4, i >> 8, i & 255, 7, 8),
      });
      const score = { ...scoreOf(0), quantiles: Float32Array.of(i % 7), expectation: i % 7 };
      table.score(id, measure(score, table.levels, { tau: 0.05, lambda: 1 }), 9, 0);
      if (i % 2 === 0) continue;
      table.pair(id - 1, id);
      const p = probabilityBeats(table.quantiles(id - 1), table.quantiles(id), table.levels);
      table.beats.set(id - 1, p);
    }
    const context = { table, thresholds: {}, tau: 0.05 };
    const codes = new Set([...runRules(context)].map((f) => f.code));
    expect(codes).toContain('inverted-pair');
    for (const code of ['low-left-tail', 'wide-distribution', 'multimodal'] as const)
      expect(codes).not.toContain(code);
    const notes = notesOn({ spec: { attributes: ['reward'], levels: [0.5] } }, false);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/low-left-tail.+wide-distribution.+multimodal.* find nothing/);
  });

  it('says that attributes count the same, unless the user weighs them', () => {
    const spec = { attributes: ['help', 'length'], levels: [0.5], equalWeights: true };
    expect(notesOn({ spec }, false)[1]).toContain('does not weigh its 2 attributes');
    expect(notesOn({ spec }, true)).toHaveLength(1);
  });
});

describe('low-left-tail', () => {
  it('names the lowest 5 % of the dataset, the lowest hundredth as errors', () => {
    const found = run(ladder(200), 'low-left-tail');
    expect(found.map((f) => f.response)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(found.map((f) => f.severity)).toEqual([
      ...Array<string>(2).fill('error'),
      ...Array<string>(8).fill('warning'),
    ]);
    // q05 of mean i is i - 0.45; the tenth lowest of 200 is the limit.
    expect(found[9]!.message).toContain('q05 is 8.550, at or below 8.550');
    expect(found[9]!.message).toContain("the dataset's lowest 5 %");
  });
  it('takes an absolute threshold, and calls a miss by the severe margin an error', () => {
    const thresholds = { tail: { kind: 'absolute', value: 0.56 } } as const;
    const found = run(ladder(5), 'low-left-tail', thresholds);
    expect(found.map((f) => [f.response, f.severity])).toEqual([
      [0, 'error'],
      [1, 'warning'],
    ]);
    expect(found[0]!.message).toContain('set by you');
  });
  it('reports rejected responses as information only', () => {
    const table = tableOf(
      Array.from({ length: 100 }, (_, i) => scoreOf(i)),
      'rejected',
    );
    expect(new Set(run(table, 'low-left-tail').map((f) => f.severity))).toEqual(new Set(['info']));
  });
  it('says nothing of a dataset too small for shares, nor of responses without a score', () => {
    expect(run(ladder(9), 'low-left-tail')).toEqual([]);
    expect(run(ladder(10), 'low-left-tail').map((f) => f.response)).toEqual([0]);
    const table = tableOf([undefined, ...Array.from({ length: 10 }, (_, i) => scoreOf(i))]);
    expect(run(table, 'low-left-tail').map((f) => f.response)).toEqual([1]);
  });
});

describe('pairs', () => {
  it('finds the most inverted, with the other half and both expectations', () => {
    const table = pairs([...Array.from({ length: 19 }, () => [3, 0] as const), [0, 3]]);
    const found = run(table, 'inverted-pair');
    expect(found.map((f) => [f.response, f.related])).toEqual([[38, 39]]);
    expect(found[0]!.message).toMatch(/probability 0\.0 %.*expectations 0\.000 and 3\.000/);
  });
  it('never calls a pair inverted that the model prefers as it is', () => {
    const table = pairs(Array.from({ length: 20 }, (_, i) => [1 + i / 100, 0] as const));
    expect(run(table, 'inverted-pair')).toEqual([]);
  });
  it('finds the pairs nearest to even', () => {
    const table = pairs([...Array.from({ length: 19 }, () => [3, 0] as const), [1, 1]]);
    const found = run(table, 'ambiguous-pair');
    expect(found.map((f) => f.response)).toEqual([38]);
    expect(found[0]!.message).toContain('probability 50.0 %');
  });
  it('takes absolute thresholds', () => {
    const table = pairs([
      [0.2, 0],
      [0, 0.2],
    ]);
    const absolute = (value: number) => ({ kind: 'absolute', value }) as const;
    expect(run(table, 'inverted-pair', { inverted: absolute(0.5) })).toHaveLength(1);
    expect(run(table, 'ambiguous-pair', { ambiguous: absolute(0.5) })).toHaveLength(2);
    expect(run(table, 'ambiguous-pair', { ambiguous: absolute(0.01) })).toHaveLength(0);
  });
});

describe('single responses', () => {
  it('finds the widest 5 %', () => {
    const table = tableOf(Array.from({ length: 40 }, (_, i) => scoreOf(0, 1 + i)));
    expect(run(table, 'wide-distribution').map((f) => f.response)).toEqual([38, 39]);
    const absolute = { kind: 'absolute', value: 0.9 * 39.5 } as const;
    expect(run(table, 'wide-distribution', { wide: absolute }).map((f) => f.response)).toEqual([
      39,
    ]);
  });
  it('finds two modes, not one', () => {
    const two = Float32Array.from(LEVELS, (tau) => (tau < 0.5 ? 0 : 5) + tau / 10);
    const table = tableOf([scoreOf(0), scoreOf(2.5, 1, { quantiles: two })]);
    const modes = (value: number) => ({ modes: { kind: 'absolute', value } }) as const;
    const found = run(table, 'multimodal', modes(2));
    expect(found.map((f) => f.response)).toEqual([1]);
    expect(found[0]!.message).toContain('2 modes');
    expect(run(table, 'multimodal')).toEqual([]);
  });
  it('finds truncation and says how much was cut', () => {
    const found = run(tableOf([scoreOf(0), scoreOf(0, 1, { truncatedTokens: 7 })]), 'truncated');
    expect(found.map((f) => f.response)).toEqual([1]);
    expect(found[0]!.message).toContain('7 tokens');
  });
  it('finds responses without a score, with the reason', () => {
    const found = run(tableOf([scoreOf(0), undefined]), 'unscored');
    expect(found.map((f) => [f.response, f.message])).toEqual([[1, 'Unscored: too odd']]);
  });
  it('finds every later copy, also far apart, and points to the first', () => {
    const table = ladder(5000);
    const copy = (from: number) =>
      table.add({
        ...{ file: 1, row: 0, conversation: 0, target: 1, kind: 'completion', label: '' },
        place: place(0),
        hash: Buffer.from(table.hash(from), 'hex'),
      });
    const copies = [copy(17), copy(4999), copy(17)];
    const found = run(table, 'duplicate-response');
    expect(found.map((f) => [f.response, f.related])).toEqual([
      [copies[0], 17],
      [copies[1], 4999],
      [copies[2], 17],
    ]);
  });
  it('tells a pair whose halves are the same text', () => {
    const table = pairs([[0, 0]]);
    table.hashHigh.set(1, table.hashHigh.get(0));
    table.hashLow.set(1, table.hashLow.get(0));
    expect(run(table, 'duplicate-response')[0]!.message).toContain('chosen and rejected');
  });
});

describe('runRules', () => {
  it('gives findings in the order of the responses, every rule with a code of its own', () => {
    const found = [...runRules({ table: ladder(300), thresholds: {}, tau: 0.05 })].map(
      (f) => f.response,
    );
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(new Set(RULES.map((r) => r.code)).size).toBe(RULES.length);
  });
  it('takes the limits of a caller who keeps order statistics', () => {
    const context = { table: ladder(20), thresholds: {}, tau: 0.05 };
    const limits = new Limits([['low-left-tail', { limit: 1, severe: Number.NaN }]]);
    const found = [...runRules({ ...context, limits })];
    expect(found.map((f) => [f.code, f.response])).toEqual([
      ['low-left-tail', 0], // tails -0.45 and 0.55
      ['low-left-tail', 1],
    ]);
  });
});
