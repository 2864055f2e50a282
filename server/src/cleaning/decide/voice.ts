import type { Audit, Finding } from '../../audit/index.js';
import type { RowVerdict } from '../changes.js';
import { topFigures, type TopFigure, type TopFigures } from './keep-top.js';
import { percent } from '../../protocol/index.js';

/** Who says what rows are worth: one model, or a jury of several. */
export interface Voice {
  findings(): Iterable<Finding>;
  /** P(the label of a pair is right), by its better response; NaN where nobody says. */
  right(response: number): number;
  /** Is a pair's label wrong? Its P(right) is at most `limit`, and below one half. */
  isWrong(response: number, limit: number): boolean;
  /** Why it is, in words. */
  why(response: number): string;
  top(by: TopFigure | undefined): TopFigures;
  /** What a jury has found of a pair. */
  verdict?(response: number): RowVerdict | undefined;
}

/** The voice of the model that made an audit. */
export function voiceOf(audit: Audit): Voice {
  const { table } = audit;
  const right = (i: number): number => table.beats.get(i);
  return {
    findings: () => audit.findings(),
    right,
    isWrong: (i, limit) => table.scored(i) && right(i) <= limit && right(i) < 0.5,
    why: (i) => `chosen beats rejected with probability ${percent(right(i))}`,
    top: (by) => topFigures(table, by),
  };
}
