import { READ_NEVERTHELESS } from '../datasets/index.js';
import type { DatasetProblem } from '../datasets/types.js';
import type { FindingCode, FindingSeverity as Severity } from '../protocol/index.js';

/** One list for the reports, the language server and the views. */
export { FINDING_CODES as CODES, FINDING_SEVERITIES as SEVERITIES } from '../protocol/index.js';
export type { FindingCode, FindingSeverity as Severity } from '../protocol/index.js';

/** A finding about a response of the table. The message states the figure and its threshold. */
export interface ResponseFinding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly response: number;
  /** Another response concerned: the other half of a pair, the first of the duplicates. */
  readonly related?: number;
  readonly message: string;
}

/** A finding about a piece of a file that could not be read as a row. */
export interface ProblemFinding {
  readonly code: 'malformed-row';
  readonly severity: Severity;
  readonly file: number;
  readonly problem: DatasetProblem;
  readonly message: string;
}

export type Finding = ResponseFinding | ProblemFinding;

/** Problems of an audit that are kept; those beyond are counted. */
export const MAX_PROBLEMS = 10_000;

/** Nothing is lost by these. */
const MILD: ReadonlySet<DatasetProblem['code']> = new Set([
  'duplicate-key',
  'stray-text',
  'empty-file',
  ...READ_NEVERTHELESS,
]);

export function problemFinding(file: number, problem: DatasetProblem): ProblemFinding {
  const mild = MILD.has(problem.code);
  return {
    code: 'malformed-row',
    severity: mild ? 'warning' : 'error',
    file,
    problem,
    message: `${problem.message} (${problem.code})`,
  };
}
