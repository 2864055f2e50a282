import { describe, expect, it } from 'vitest';
import { Board, Contender } from '../../../server/src/evaluation/board.js';
import { abstentions } from '../../../server/src/evaluation/comparison/abstention.js';
import { judged } from '../../../server/src/evaluation/comparison/verdicts.js';
import {
  bootstrapP,
  holm,
  interval,
  seeded,
} from '../../../server/src/evaluation/statistics/index.js';
import type { Place } from '../../../server/src/datasets/types.js';
import { naiveArea } from './naive.js';

/** n decisions of prompts with one to four each; P(beats) says how likely each is right, widths say nothing. */
function decided(n: number, seed: number) {
  const random = seeded(seed);
  const board = new Board();
  const contender = new Contender('M', 'kind', [{ name: 'mean' }], true);
  let prompt = 0;
  for (let i = 0; i < n; i++) {
    if (random() < 0.6) prompt++;
    const [p, q] = [0.5 + random() / 2, random()];
    const right = random() < p ? 1 : -1;
    // Margins in steps: some are equally large, some are 0.
    const margin = right * Math.round(8 * q * p) * 0.25;
    board.add({ suite: 'pairs', subset: 's', id: undefined, prompt, file: 0, row: i, place: { line: i, column: 0 } as unknown as Place, rightLength: 1, wrongLength: 1 }); // prettier-ignore
    const confidence = random() < 0.05 ? Number.NaN : p;
    contender.take(board, i, 1, [[margin, 0]], { confidence, width: random() });
  }
  return { board, contender, items: Uint32Array.from({ length: n }, (_, i) => i) };
}

describe('leaving pairs open', () => {
  it('is compared with the margin as by lists that are drawn and sorted anew', async () => {
    const { board, contender, items } = decided(150, 5);
    const found = await abstentions(board, items, contender, { replicates: 200, seed: 7, level: 0.95 }); // prettier-ignore
    // The reference: prompts drawn one by one, their decisions in a list, the list sorted.
    const prompts = new Map<number, number[]>();
    for (const i of items)
      if (!Number.isNaN(contender.confidence.get(i)))
        prompts.set(board.cluster.get(i), [...(prompts.get(board.cluster.get(i)) ?? []), i]);
    const all = [...prompts.values()];
    const random = seeded(7);
    const lists = Array.from({ length: 200 }, () =>
      all.flatMap(() => all[Math.floor(random() * all.length)]!),
    );
    const margin = (i: number): number => Math.abs(contender.margin.get(i));
    const width = (i: number): number => contender.width.get(i);
    const signals: ((i: number) => number)[] = [
      margin,
      (i) => contender.confidence.get(i),
      (i) => margin(i) / width(i),
      (i) => -width(i),
    ];
    const areas = signals.map(
      (sure) =>
      [all.flat(), ...lists].map((list) => naiveArea(list.map((i) => ({ sure: sure(i), right: contender.credit[0]!.get(i) })))), // prettier-ignore
    );
    const p: number[] = [];
    found.forEach(({ signal, area, versusMargin: v }, s) => {
      expect(area).toBeCloseTo(areas[s]![0]!, 10);
      if (signal === 'margin') return expect(v).toBeUndefined();
      const draws = areas[s]!.slice(1).map((a, b) => a - areas[0]![b + 1]!);
      const [low, high] = interval(draws);
      expect(v!.value).toBeCloseTo(areas[s]![0]! - areas[0]![0]!, 10);
      expect([v!.low, v!.high]).toEqual([expect.closeTo(low, 10), expect.closeTo(high, 10)]);
      expect(v!.p).toBe(bootstrapP(draws));
      return p.push(v!.p);
    });
    expect(found).toHaveLength(4);
    expect(found.slice(1).map(({ versusMargin: v }) => v!.adjusted)).toEqual(holm(p));
  });

  it('has an interval for many items too', async () => {
    const { board, contender, items } = decided(60_000, 3);
    const found = await abstentions(board, items, contender, { replicates: 200, seed: 1, level: 0.95 }); // prettier-ignore
    const beats = found[1]!.versusMargin!;
    // The margin here is a coarse and noisy view of P(beats).
    expect(beats.value < 0 && beats.low < beats.value && beats.value < beats.high).toBe(true);
    expect(beats.verdict).toBe('better');
    // Width says nothing: its area is the error, that of the margin less.
    expect(found[3]!.versusMargin!.verdict).toBe('worse');
    expect(found[3]!.area).toBeCloseTo(found[3]!.error, 2);
  });
});

describe('verdicts', () => {
  it('are of the corrected p: one of three that is small by chance is no difference', () => {
    const tests = [0.03, 0.2, 0.6].map((p) => ({ value: 0.0007, p }));
    expect(judged(tests.slice(0, 1), 0.95).map(({ verdict }) => verdict)).toEqual(['better']);
    expect(judged(tests, 0.95).map(({ verdict }) => verdict)).toEqual(new Array(3).fill('no difference')); // prettier-ignore
    expect(judged([{ value: 0.0007, p: 0.001 }], 0.95, -1)[0]!.verdict).toBe('worse');
  });
});
