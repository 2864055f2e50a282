import type { ResponseKind } from '../protocol/index.js';

/** How good a response was found beside the others of its row: as rated, else chosen above rejected; NaN: nobody said. */
export function standing(kind: ResponseKind, rating: number): number {
  if (!Number.isNaN(rating)) return rating;
  return kind === 'chosen' ? 1 : kind === 'rejected' ? 0 : Number.NaN;
}

/** Does a response belong to the set of completions of its row? */
export const inSet = (kind: ResponseKind, rating: number): boolean =>
  kind === 'completion' || !Number.isNaN(rating);

/** How many places on the next of a row's set stands, after its last the first; 0 where the n-th has no other in its set. */
export function nextInSet(n: number, members: ArrayLike<boolean>, length = members.length): number {
  if (members[n] !== true) return 0;
  for (let on = 1; on < length; on++) {
    const i = (n + on) % length;
    if (members[i] === true) return i - n;
  }
  return 0;
}

/**
 * The strongest of those that were found worse than the n-th response of a row, the first of several; -1: there is none.
 * @param standings of the row's responses @param strengths the score's expectation; -Infinity where there is no score
 */
export function strongestBelow(
  n: number,
  standings: ArrayLike<number>,
  strengths: ArrayLike<number>,
  length = standings.length,
): number {
  let below = -1;
  for (let i = 0; i < length; i++)
    if (standings[i]! < standings[n]! && (below < 0 || strengths[i]! > strengths[below]!))
      below = i;
  return below;
}

/** The first that was found better than the n-th response of a row; -1: there is none. */
export function firstAbove(
  n: number,
  standings: ArrayLike<number>,
  length = standings.length,
): number {
  for (let i = 0; i < length; i++) if (standings[i]! > standings[n]!) return i;
  return -1;
}
