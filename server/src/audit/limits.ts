import { resolve, type Threshold } from './settings.js';
import type { ResponseTable } from './table.js';

/**
 * What relative thresholds are taken from, all so that low is remarkable: the left tail;
 * P(chosen beats rejected); its distance from 1/2; q05 - q95.
 */
export const FIGURES = ['tail', 'beats', 'closeness', 'narrowness'] as const;
export type Figure = (typeof FIGURES)[number];

/** The limit of a threshold on a figure: `resolve`, or order statistics that the caller has ready. */
export type LimitOf = (figure: Figure, threshold: Threshold, minimum: number) => number;

/** A response's figure; NaN when it has none. */
export function figureValue(table: ResponseTable, figure: Figure, i: number): number {
  if (!table.scored(i)) return Number.NaN;
  if (figure === 'tail') return table.tail.get(i);
  if (figure === 'narrowness') return -table.spread.get(i);
  const p = table.beats.get(i);
  return figure === 'beats' ? p : Math.abs(p - 0.5);
}

/** Reads the whole table for each question. */
export const limitsOfTable =
  (table: ResponseTable): LimitOf =>
  (figure, threshold, minimum) => {
    function* values() {
      for (let i = 0; i < table.length; i++) yield figureValue(table, figure, i);
    }
    return resolve(threshold, values(), minimum);
  };
