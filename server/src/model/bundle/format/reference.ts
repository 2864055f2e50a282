import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../../../errors.js';
import { exists } from '../../files.js';
import type { ReferenceFigures } from '../../../qrm/types.js';

/** Beside a bundle's manifest; not part of what its scores are, so it is no part of its hash. */
export const REFERENCE = 'reference.json';

/**
 * The figures of a data set that a bundle's maker scored with it, for files too small to have shares of their own.
 * @returns undefined where there are none
 * @throws Error naming the file and what was expected
 */
export async function readReference(folder: string): Promise<ReferenceFigures | undefined> {
  const path = join(folder, REFERENCE);
  if (!(await exists(path))) return undefined;
  let found: Partial<ReferenceFigures> | null;
  try {
    found = JSON.parse(await readFile(path, 'utf8')) as Partial<ReferenceFigures> | null;
  } catch (error) {
    throw new Error(`${path}: ${messageOf(error)}`, { cause: error });
  }
  const { of, tau, shares, figures } = found ?? {};
  const ascending = (list: readonly unknown[]) =>
    list.every(
      (x, n) => Number.isFinite(x) && (n === 0 || (list[n - 1] as number) < (x as number)),
    );
  const good =
    typeof of === 'string' &&
    typeof tau === 'number' &&
    Array.isArray(shares) &&
    ascending(shares) &&
    Object.values(figures ?? {}).every(
      (limits) =>
        Array.isArray(limits) && limits.length === shares.length && limits.every(Number.isFinite),
    );
  if (!good || figures === undefined)
    throw new Error(
      `${path}: expected {"of", "tau", "shares": ascending, "figures": {name: a limit for each share}}`,
    );
  return { of, tau, shares, figures };
}
