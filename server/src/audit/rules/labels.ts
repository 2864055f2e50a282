import type { ResponseTable } from '../table.js';

/**
 * Of each response that is preferred to another of its row, that other, where the better one or the worse
 * one stands on the other side elsewhere: only those can contradict one another. Undefined where there are none,
 * as in most data sets: then the table was read once, and a bit a response was kept.
 */
export function labelledPairs(table: ResponseTable): Map<number, number> | undefined {
  const better = new Map<number, number>();
  let size = 1 << 10;
  while (size < 16 * table.length) size *= 2;
  // Two bits by hash: seen as better, seen as worse. Who meets another's bits is merely looked at in vain.
  const sides = new Uint8Array(size >> 2);
  const slot = (i: number): number => (table.hashHigh.get(i) ^ table.hashLow.get(i)) & (size - 1);
  const mark = (at: number, bit: number): void => {
    sides[at >> 2]! |= bit << ((at & 3) * 2);
  };
  const both = (i: number): boolean => ((sides[slot(i) >> 2]! >> ((slot(i) & 3) * 2)) & 3) === 3;
  const pairOf = (i: number): number | undefined => {
    const other = table.removed(i) ? undefined : table.partner(i);
    if (other === undefined || table.removed(other)) return undefined;
    return table.standing(i) > table.standing(other) ? other : undefined;
  };
  for (let i = 0; i < table.length; i++) {
    const other = pairOf(i);
    if (other === undefined) continue;
    mark(slot(i), 1);
    mark(slot(other), 2);
  }
  for (let i = 0; i < table.length; i++) {
    const other = pairOf(i);
    if (other !== undefined && both(i) && both(other)) better.set(i, other);
  }
  return better.size < 2 ? undefined : better;
}
