import { permutation, seeded } from './random.js';

/**
 * K folds of samples such that samples of one group (one prompt) are all in the same fold, and the
 * folds are about equally large: groups in random order, each to the fold that has the fewest samples.
 * @param groups the group of each sample
 * @returns the fold of each sample, 0..count-1
 * @throws RangeError when there are fewer groups than folds
 */
export function groupedFolds(groups: readonly string[], count: number, seed: number): number[] {
  const sizes = new Map<string, number>();
  for (const g of groups) sizes.set(g, (sizes.get(g) ?? 0) + 1);
  if (!(count >= 2) || sizes.size < count) {
    throw new RangeError(`${sizes.size} groups cannot be split into ${count} folds`);
  }
  const names = [...sizes.keys()];
  const filled = new Array<number>(count).fill(0);
  const foldOf = new Map<string, number>();
  for (const i of permutation(names.length, seeded(seed))) {
    const fold = filled.indexOf(Math.min(...filled));
    filled[fold]! += sizes.get(names[i]!)!;
    foldOf.set(names[i]!, fold);
  }
  return groups.map((g) => foldOf.get(g)!);
}

/** The indices in and outside of one fold. */
export function splitFold(
  folds: readonly number[],
  fold: number,
): { train: number[]; test: number[] } {
  const train: number[] = [];
  const test: number[] = [];
  folds.forEach((f, i) => (f === fold ? test : train).push(i));
  return { train, test };
}
