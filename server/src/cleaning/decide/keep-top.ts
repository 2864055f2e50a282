import type { ResponseTable } from '../../audit/index.js';
import { rowsOf } from './rows.js';

export type TopFigure = 'margin' | 'tail';

/** What the rows of a table are ordered by, best first. */
export interface TopFigures {
  /** In words. */
  readonly name: string;
  /** Of each row of `rowsOf`, in its order; NaN where it has none. */
  readonly values: ArrayLike<number>;
}

/**
 * The margin of a row's pair (expectation of the chosen response less that of the rejected), or its tail (of the
 * chosen response, or the lowest of those that are no pair).
 * @param by default: the margin, where there are pairs
 */
export function topFigures(table: ResponseTable, by: TopFigure | undefined): TopFigures {
  const rows = [...rowsOf(table)];
  const chosenOf = (ids: readonly number[]) =>
    ids.find((i) => table.kindOf(i) === 'chosen' && table.partner(i) !== undefined);
  const pairs = rows.some(({ ids }) => chosenOf(ids) !== undefined);
  const name = by ?? (pairs ? 'margin' : 'tail');
  const values = Float64Array.from(rows, ({ ids }) => {
    const chosen = chosenOf(ids);
    if (name === 'margin') {
      const other = chosen === undefined ? undefined : table.partner(chosen);
      if (chosen === undefined || other === undefined) return Number.NaN;
      if (!table.scored(chosen) || !table.scored(other)) return Number.NaN;
      return table.expectation.get(chosen) - table.expectation.get(other);
    }
    const own = chosen === undefined ? ids : [chosen];
    const tails = own.map((i) => table.tail.get(i)).filter((t) => !Number.isNaN(t));
    return tails.length === 0 ? Number.NaN : Math.min(...tails);
  });
  return { name, values };
}

/** Of each figure the share of the others that are below it, ties by half; NaN stays. */
export function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (value, n) => ({ value, n }))
    .filter(({ value }) => !Number.isNaN(value))
    .sort((a, b) => a.value - b.value);
  const out = new Float64Array(values.length).fill(Number.NaN);
  for (let at = 0; at < order.length;) {
    let end = at + 1;
    while (order[end]?.value === order[at]!.value) end++;
    const rank = order.length === 1 ? 1 : (at + end - 1) / 2 / (order.length - 1);
    for (; at < end; at++) out[order[at]!.n] = rank;
  }
  return out;
}
