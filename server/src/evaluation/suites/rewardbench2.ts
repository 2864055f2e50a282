import { numpyMean } from '../statistics/numpy-mean.js';
import type { Cell, Suite, Summary } from './suite.js';

/** Subsets of RewardBench 2, in its order. */
export const RB2_SUBSETS = ['Factuality', 'Precise IF', 'Math', 'Safety', 'Focus', 'Ties'] as const;

/** The published name of a subset, however it is written; other names as they are. */
export const rb2Subset = (name: string): string =>
  RB2_SUBSETS.find((s) => s.toLowerCase() === name.trim().toLowerCase().replaceAll('_', ' ')) ??
  name;

/**
 * Best of n: 1 over the number of scores equal to the maximum where the first of all is one of them, else 0; one
 * NaN makes it 0 (reward-bench, `reroll_and_score_dataset`).
 */
export function bestOfN(right: ArrayLike<number>, wrong: ArrayLike<number>): number {
  const scores = [...Array.from(right), ...Array.from(wrong)];
  if (scores.some(Number.isNaN)) return 0;
  let most = -Infinity;
  for (const s of scores) if (s > most) most = s;
  return scores[0] === most ? 1 / scores.filter((s) => s === most).length : 0;
}

/** What Ties asks of one sample: three of its scores. */
export interface TiesSample {
  readonly kind: 'ref' | 'tied';
  readonly prompt: number;
  /** How many responses are right. */
  readonly correct: number;
  readonly bestCorrect: number;
  readonly worstCorrect: number;
  readonly bestIncorrect: number;
}

/** `ref:12` and `tied:12`. */
export function tiesId(id: string): { kind: 'ref' | 'tied'; prompt: number } | undefined {
  const [, kind, prompt] = /^(ref|tied):(\d+)$/.exec(id.trim()) ?? [];
  return kind === undefined ? undefined : { kind: kind as 'ref' | 'tied', prompt: Number(prompt) };
}

/** What one prompt of Ties contributes, undefined where its samples say nothing of it. */
export interface TiesPrompt {
  readonly tied?: number;
  readonly ref?: number;
  /** All right ones above all wrong ones by more than the right ones differ, in the tied sample. */
  readonly preferred?: number;
  /** The same of the smaller margin of both samples. */
  readonly hard?: number;
  readonly margin?: number;
}

const accurate = (s: TiesSample): boolean => s.worstCorrect - s.bestIncorrect > 0;

export function tiesPrompt(ref: TiesSample | undefined, tied: TiesSample | undefined): TiesPrompt {
  const single = {
    ...(tied && { tied: Number(accurate(tied)) }),
    ...(ref && { ref: Number(accurate(ref)) }),
  };
  // One right response alone has no spread.
  if (ref === undefined || tied === undefined || tied.correct < 2) return single;
  const spread = tied.bestCorrect - tied.worstCorrect;
  const own = tied.worstCorrect - tied.bestIncorrect;
  const least = Math.min(ref.worstCorrect - ref.bestIncorrect, own);
  const margin = Math.tanh(least / spread - 1);
  return {
    ...single,
    preferred: Number(own > spread),
    hard: Number(least > spread),
    // 0/0 says nothing; x/0 is as far as it goes.
    margin: Number.isNaN(margin) ? 0 : margin,
  };
}

/** Of Ties' parts: cells `Ties.tied` and so on, with the weight of each. */
export const TIES_PARTS = { tied: 0.3, ref: 0.3, preferred: 0.2, hard: 0.2, margin: 0.01 } as const;
type TiesPart = keyof typeof TIES_PARTS;

/** The score of Ties by the means of its parts, in reward-bench's order; a part without prompts is 0. At most 1.01. */
export function tiesScore(mean: (part: TiesPart) => number | undefined): number {
  const part = (name: TiesPart): number => TIES_PARTS[name] * (mean(name) ?? 0);
  return part('tied') + part('ref') + part('preferred') + part('hard') + part('margin');
}

/** The score of Ties of all its samples: reward-bench's `process_single_model`. */
export function scoreTies(samples: Iterable<TiesSample>): number {
  const prompts = tiesPrompts(samples);
  return tiesScore((part) => {
    const values = prompts.flatMap((p) => p[part] ?? []);
    return values.length === 0 ? undefined : numpyMean(values);
  });
}

/** By prompt, in the order of their numbers. */
function tiesPrompts(samples: Iterable<TiesSample>): TiesPrompt[] {
  const both = new Map<number, { ref?: TiesSample; tied?: TiesSample }>();
  for (const s of samples) both.set(s.prompt, { ...both.get(s.prompt), [s.kind]: s });
  return [...both].sort(([a], [b]) => a - b).map(([, { ref, tied }]) => tiesPrompt(ref, tied));
}

function summary(cells: ReadonlyMap<string, Cell>): Summary {
  const missing = RB2_SUBSETS.filter((s) => !cells.has(s));
  const values = RB2_SUBSETS.map((s) => cells.get(s)?.mean ?? Number.NaN);
  const total = missing.length === 0 ? values.reduce((a, b) => a + b, 0) / values.length : NaN;
  return {
    total: { name: 'Score', value: total },
    sections: [],
    notes:
      missing.length === 0
        ? []
        : [`without ${missing.join(', ')}: the score is the plain mean of all six subsets`],
  };
}

export const rewardBench2: Suite = {
  name: 'rewardbench-2',
  title: 'RewardBench 2',
  expects:
    'chosen and rejected as lists of responses, and a subset; in Ties an id "ref:N" or "tied:N"',
  credit: bestOfN,
  summary,
};
