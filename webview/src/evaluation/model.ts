import type {
  Estimate,
  EvaluationResult,
  SuiteResult,
} from '../../../server/src/protocol/index.js';
import { mainOf } from '../../../server/src/evaluation/words.js';

/** On the way to a page numbers that are not known are null: here they are NaN again. */
export const revived = (result: EvaluationResult): EvaluationResult =>
  JSON.parse(JSON.stringify(result), (_, value: unknown) =>
    value === null ? Number.NaN : value,
  ) as EvaluationResult;

/** The least and the greatest end of intervals, as the scale of what draws them: a little room on both sides. */
export function scaleOf(estimates: readonly Estimate[]): { low: number; high: number } {
  const known = estimates.filter(({ value }) => !Number.isNaN(value));
  if (known.length === 0) return { low: 0, high: 1 };
  const low = Math.min(...known.map((e) => e.low));
  const high = Math.max(...known.map((e) => e.high));
  const room = Math.max((high - low) * 0.08, 0.005);
  return { low: Math.max(0, low - room), high: high + room };
}

/** The scale that all rows of a suite's table share. */
export const suiteScale = (suite: SuiteResult): { low: number; high: number } =>
  scaleOf(suite.rows.map(mainOf));

/** A state's choice where it is still there, else the first. */
export const chosen = <T>(list: readonly T[], index: number | undefined): T | undefined =>
  list[index ?? 0] ?? list[0];
