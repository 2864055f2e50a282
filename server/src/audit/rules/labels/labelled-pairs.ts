import type { ResponseTable } from '../../table.js';

/**
 * Of each response that is preferred to another of its row, that other, where the better one or the worse
 * one stands on the other side elsewhere: only those can contradict one another. Undefined where there are none,
 * as in most data sets: then the table was read once, and a bit a response was kept. In steps of about a millisecond.
 */
export function* labelledPairs(
  table: ResponseTable,
): Generator<undefined, ReadonlyMap<number, number> | undefined> {
  const { ties, length } = table;
  const known = LAST.get(table);
  // Two rules ask of one table.
  if (known?.ties === ties && known.length === length) return known.pairs;
  const pairs = yield* found(table);
  LAST.set(table, { ties, length, pairs });
  return pairs;
}

interface Found {
  readonly ties: number;
  readonly length: number;
  readonly pairs: ReadonlyMap<number, number> | undefined;
}
const LAST = new WeakMap<ResponseTable, Found>();

/** Responses that are looked at in one step. */
const STEP = 4096;

function* found(table: ResponseTable): Generator<undefined, Map<number, number> | undefined> {
  const { length, hashHigh, hashLow } = table;
  const better = new Map<number, number>();
  let size = 1 << 10;
  while (size < 16 * length) size *= 2;
  // Two bits by hash: seen as better, seen as worse. Who meets another's bits is merely looked at in vain.
  const sides = new Uint8Array(size >> 2);
  const slot = (i: number): number => (hashHigh.get(i) ^ hashLow.get(i)) & (size - 1);
  const mark = (at: number, bit: number): void => {
    sides[at >> 2]! |= bit << ((at & 3) * 2);
  };
  const both = (i: number): boolean => ((sides[slot(i) >> 2]! >> ((slot(i) & 3) * 2)) & 3) === 3;
  /** Of each response a bit: is it better than its partner? */
  const first = new Uint8Array((length >> 3) + 1);
  for (let i = 0; i < length; i++) {
    if (i % STEP === 0) yield;
    const other = table.partner(i);
    if (other === undefined || !(table.standing(i) > table.standing(other))) continue;
    if (table.removed(i) || table.removed(other)) continue;
    first[i >> 3]! |= 1 << (i & 7);
    mark(slot(i), 1);
    mark(slot(other), 2);
  }
  for (let i = 0; i < length; i++) {
    if (i % STEP === 0) yield;
    if ((first[i >> 3]! & (1 << (i & 7))) === 0 || !both(i)) continue;
    const other = table.partner(i)!;
    if (both(other)) better.set(i, other);
  }
  return better.size < 2 ? undefined : better;
}
