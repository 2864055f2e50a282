import type { Difference } from '../../protocol/index.js';
import { holm } from '../statistics/index.js';

/** A test before its correction. */
type Test = Pick<Difference, 'value' | 'p'>;

/**
 * One family of tests: p by Holm's correction, and what it allows to say.
 * @param sign 1 where more is better, -1 where less is
 */
export function judged<T extends Test>(
  tests: readonly T[],
  level: number,
  sign = 1,
): (T & Pick<Difference, 'adjusted' | 'verdict'>)[] {
  const adjusted = holm(tests.map(({ p }) => p));
  return tests.map((test, i) => {
    const told = adjusted[i]! < 1 - level;
    const verdict = !told ? 'no difference' : sign * test.value > 0 ? 'better' : 'worse';
    return { ...test, adjusted: adjusted[i]!, verdict };
  });
}
