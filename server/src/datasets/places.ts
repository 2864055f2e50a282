import type { DatasetRow, Place, Turn } from './types.js';

/** Where a turn's text stands, in order; empty where the file holds it nowhere. */
export const turnParts = ({ place, pieces }: Turn): readonly Place[] =>
  place === undefined ? (pieces ?? []) : [place];

/** As `turnParts`, of a row's turn; the row where the file holds it nowhere. Never empty. */
export function partsOf(
  row: DatasetRow,
  conversation: number,
  target: number,
): readonly [Place, ...Place[]] {
  const turn = row.conversations[conversation]?.turns[target];
  const [first = row.place, ...rest] = turn === undefined ? [] : turnParts(turn);
  return [first, ...rest];
}

/** Where a turn begins: its first part alone, for what stands between parts is none of its text. */
export function placeOf(row: DatasetRow, conversation: number, target: number): Place {
  const turn = row.conversations[conversation]?.turns[target];
  return turn?.place ?? turn?.pieces?.[0] ?? row.place;
}
