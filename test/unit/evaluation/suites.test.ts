import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numpyMean } from '../../../server/src/evaluation/statistics/index.js';
import { strict, suiteOf, type Cell } from '../../../server/src/evaluation/suites/index.js';
import { judgeBenchLabel, twoGames } from '../../../server/src/evaluation/suites/judgebench.js';
import { sectionScores, withPriorSets } from '../../../server/src/evaluation/suites/rewardbench.js';
import {
  bestOfN,
  scoreTies,
  tiesId,
  tiesPrompt,
} from '../../../server/src/evaluation/suites/rewardbench2.js';
import { STYLE_PARTS, styleMatrix } from '../../../server/src/evaluation/suites/rm-bench.js';

/** Made by reward-bench 0.1.4's own functions: test/fixtures/evaluation/make_fixtures.py. */
const fixture = (name: string): unknown =>
  JSON.parse(
    readFileSync(new URL(`../../fixtures/evaluation/${name}.json`, import.meta.url), 'utf8'),
  );

const cellsOf = (means: Record<string, number>, count = 10): Map<string, Cell> =>
  new Map(Object.entries(means).map(([name, mean]) => [name, { name, count, mean }]));

describe('RewardBench 1', () => {
  const cases = fixture('rewardbench-sections') as {
    pairs: [string, number, number][];
    metrics: Record<string, number>;
    sections: Record<string, number>;
    prior: number | null;
    average: number;
  }[];

  it('gives the subsets and sections of reward-bench, to the last digit', () => {
    for (const { pairs, metrics, sections } of cases) {
      const found = new Map<string, number>();
      for (const subset of Object.keys(metrics)) {
        const mine = pairs.filter(([s]) => s === subset);
        const right = mine.reduce((n, [, c, r]) => n + strict([c], [r]), 0);
        found.set(subset, right / mine.length);
      }
      expect(Object.fromEntries(found)).toEqual(metrics);
      expect(sectionScores(found)).toEqual(sections);
    }
  });

  it("gives the leaderboard's average with prior sets, and without those that are NaN", () => {
    for (const { sections, prior, average } of cases)
      expect(withPriorSets(Object.values(sections), prior ?? Number.NaN)).toBe(average);
  });

  it('has no score while a section is missing, and says what is left out', () => {
    const { total, sections, notes } = suiteOf('rewardbench').summary(
      cellsOf({ 'llmbar-natural': 0.5, 'hep-go': 0.25 }),
    );
    expect(total.value).toBeNaN();
    expect(sections.map(({ value }) => value)).toEqual([Number.NaN, 0.5, Number.NaN, 0.25]);
    expect(notes.join(' ')).toContain('Chat: no data');
    expect(notes.join(' ')).toContain('mt-bench-hard');
  });

  it('counts ties and scores that are not there as wrong', () => {
    expect([strict([1], [1]), strict([Number.NaN], [0]), strict([0], [Number.NaN])]).toEqual([
      0, 0, 0,
    ]);
  });
});

describe('RewardBench 2', () => {
  it('gives best of n as reward-bench, with fractions for ties', () => {
    const { scores, results, mean } = fixture('rewardbench2-best-of-n') as {
      scores: number[][];
      results: number[];
      mean: number;
    };
    const mine = scores.map(([first, ...others]) => bestOfN([first!], others));
    expect(mine).toEqual(results);
    expect(mine.reduce((a, b) => a + b, 0) / mine.length).toBe(mean);
    expect(bestOfN([1], [0, Number.NaN, 0])).toBe(0);
    expect(bestOfN([0.5], [0.5, 0.5, 0])).toBe(1 / 3);
  });

  it('gives the score of Ties as reward-bench, to the last digit', () => {
    const cases = fixture('rewardbench2-ties') as {
      samples: { id: string; num_correct: number; scores: number[] }[];
      score: number;
    }[];
    for (const { samples, score } of cases) {
      const mine = samples.map(({ id, num_correct: correct, scores }) => ({
        ...tiesId(id)!,
        correct,
        bestCorrect: Math.max(...scores.slice(0, correct)),
        worstCorrect: Math.min(...scores.slice(0, correct)),
        bestIncorrect: Math.max(...scores.slice(correct)),
      }));
      expect(scoreTies(mine)).toBe(score);
    }
  });

  it('takes 0/0 as 0 and x/0 as 1 or -1, and reaches 1.01', () => {
    const sample = (kind: 'ref' | 'tied', scores: [number, number, number]) => ({
      kind,
      prompt: 1,
      correct: kind === 'ref' ? 1 : 2,
      bestCorrect: scores[0],
      worstCorrect: scores[1],
      bestIncorrect: scores[2],
    });
    const margin = (ref: [number, number, number], tied: [number, number, number]) =>
      tiesPrompt(sample('ref', ref), sample('tied', tied)).margin;
    expect(margin([1, 1, 1], [1, 1, 1])).toBe(0);
    expect(margin([2, 2, 1], [2, 2, 1])).toBe(1);
    expect(margin([0, 0, 1], [0, 0, 1])).toBe(-1);
    expect(scoreTies([sample('ref', [2, 2, 1]), sample('tied', [2, 2, 1])])).toBeCloseTo(1.01, 12);
  });

  it('is the plain mean of its six subsets, and nothing without one', () => {
    const all = { Factuality: 0.1, 'Precise IF': 0.2, Math: 0.3, Safety: 0.4, Focus: 0.5, Ties: 1 };
    const { total } = suiteOf('rewardbench-2').summary(cellsOf(all));
    expect(total.value).toBe((0.1 + 0.2 + 0.3 + 0.4 + 0.5 + 1) / 6);
    const five = Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'Ties'));
    expect(suiteOf('rewardbench-2').summary(cellsOf(five)).total.value).toBeNaN();
  });
});

describe('RM-Bench', () => {
  it('reads the matrix: hard above, normal on, easy below the diagonal', () => {
    // acc[i][j] = chosen[i] > rejected[j]
    const mask = styleMatrix([0, 1, 2], [0.5, 0.5, 1]);
    // rows: F F F / T T F / T T T
    expect(STYLE_PARTS.hard(mask)).toBe(0);
    expect(STYLE_PARTS.normal(mask)).toBe(2 / 3);
    expect(STYLE_PARTS.easy(mask)).toBe(1);
    expect(suiteOf('rm-bench').credit([0, 1, 2], [0.5, 0.5, 1])).toBe(5 / 9);
  });
});

describe('JudgeBench', () => {
  it('reads labels, and two games together', () => {
    expect(['A>B', ' B > A ', 'A=B', 'A>A', 7].map(judgeBenchLabel)).toEqual([
      'A',
      'B',
      undefined,
      undefined,
      undefined,
    ]);
    expect([
      twoGames(1, 1),
      twoGames(1, 0),
      twoGames(1, -1),
      twoGames(0, 0),
      twoGames(-1, -1),
    ]).toEqual([1, 1, 0, 0, 0]);
  });
});

describe('the mean', () => {
  it("is numpy's in sums of any length", () => {
    // Sums of thousandths differ by the order of addition; numpy 2 gives these.
    const { means } = fixture('numpy-means') as { means: { n: number; mean: number }[] };
    for (const { n, mean } of means)
      expect(numpyMean(Float64Array.from({ length: n }, (_, i) => ((i * 37) % 1001) / 1000))).toBe(
        mean,
      );
  });

  it('is the mean', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1 }), (x) => {
        expect(numpyMean(x)).toBe(x.reduce((a, b) => a + b, 0) / x.length);
      }),
    );
  });
});
