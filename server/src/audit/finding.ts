import type { DatasetProblem } from '../datasets/types.js';

export const CODES = [
  'low-left-tail',
  'inverted-pair',
  'ambiguous-pair',
  'wide-distribution',
  'multimodal',
  'truncated',
  'duplicate-response',
  'malformed-row',
  'unscored',
] as const;
export type FindingCode = (typeof CODES)[number];
export const SEVERITIES = ['error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** A finding about a response of the table. The message states the figure and its threshold. */
export interface ResponseFinding {
  readonly code: Exclude<FindingCode, 'malformed-row'>;
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

export function problemFinding(file: number, problem: DatasetProblem): ProblemFinding {
  const mild = problem.code === 'duplicate-key' || problem.code === 'empty-file';
  return {
    code: 'malformed-row',
    severity: mild ? 'warning' : 'error',
    file,
    problem,
    message: `${problem.message} (${problem.code})`,
  };
}
