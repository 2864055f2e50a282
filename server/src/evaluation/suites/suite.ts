import type { PreferenceSuite } from '../../protocol/index.js';

export { SUITES, type PreferenceSuite, type SuiteName } from '../../protocol/index.js';

/** A figure of a suite: an accuracy in [0, 1] but for Ties, which may reach 1.01. */
export interface Figure {
  readonly name: string;
  /** NaN where nothing is known. */
  readonly value: number;
}

/** A share that figures are made of: the mean of what items contribute to it. */
export interface Cell {
  readonly name: string;
  /** Items; in Ties, prompts. */
  readonly count: number;
  readonly mean: number;
}

/** The figures of a suite by the means of its cells. */
export interface Summary {
  /** The suite's one figure; NaN where a part that it needs is missing. */
  readonly total: Figure;
  /** Sections or styles, in the benchmark's order. */
  readonly sections: readonly Figure[];
  /** What is left out or not to be had, in words. */
  readonly notes: readonly string[];
}

export interface Suite {
  readonly name: PreferenceSuite;
  readonly title: string;
  /** What a row must look like, for messages. */
  readonly expects: string;
  /** Credit in [0, 1] of the scores; a score that is not there is NaN. */
  credit(right: ArrayLike<number>, wrong: ArrayLike<number>): number;
  /** Cells by name to means. */
  summary(cells: ReadonlyMap<string, Cell>): Summary;
}

/** 1 if the right response's score is strictly above the wrong one's: ties and NaN are wrong. */
export const strict = (right: ArrayLike<number>, wrong: ArrayLike<number>): number =>
  right[0]! > wrong[0]! ? 1 : 0;

/** The mean of cells weighted by their items: the accuracy over all items. */
export function pooled(cells: Iterable<Cell>): number {
  let right = 0;
  let count = 0;
  for (const cell of cells) {
    right += cell.mean * cell.count;
    count += cell.count;
  }
  return count === 0 ? Number.NaN : right / count;
}

/** Every subset an equal part, as suites without a rule of their own are told. */
export const accuracyOf = (name: string, cells: ReadonlyMap<string, Cell>): Summary => ({
  total: { name, value: pooled(cells.values()) },
  sections: [],
  notes: [],
});
