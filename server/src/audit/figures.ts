import type { ResponseTable } from './table.js';

/** A number of each response that a dataset's relative thresholds are taken from. */
export interface Figure {
  readonly name: string;
  /** Which end is remarkable. */
  readonly end: 'low' | 'high';
  /** Computed in double precision; others are float32 as the table keeps them. */
  readonly double?: true;
  /** NaN where a response has none. */
  of(table: ResponseTable, response: number): number;
}

const scored =
  (of: Figure['of']): Figure['of'] =>
  (table, i) =>
    table.scored(i) ? of(table, i) : Number.NaN;

/** q_tau. */
export const TAIL: Figure = { name: 'tail', end: 'low', of: (table, i) => table.tail.get(i) };
/** P(chosen beats rejected), on the chosen response. */
export const BEATS: Figure = {
  name: 'beats',
  end: 'low',
  of: scored((table, i) => table.beats.get(i)),
};
/** Distance of P(chosen beats rejected) from 1/2. */
export const CLOSENESS: Figure = {
  name: 'closeness',
  end: 'low',
  double: true,
  of: scored((table, i) => Math.abs(table.beats.get(i) - 0.5)),
};
/** q95 - q05. */
export const SPREAD: Figure = {
  name: 'spread',
  end: 'high',
  of: scored((table, i) => table.spread.get(i)),
};
