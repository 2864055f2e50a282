import { visible } from '../../audit/report/index.js';
import type { Evaluation } from '../../evaluation/index.js';
import { count } from '../../protocol/index.js';

/** Problems of rows told one by one: a file of another format has one on every line. The rest is counted. */
export const SHOWN_PROBLEMS = 20;

/** Tells what rows of an evaluation's files are wrong. */
export function tellProblems(
  { problems, moreProblems }: Pick<Evaluation, 'problems' | 'moreProblems'>,
  files: readonly string[],
): void {
  for (const { file, line, message } of problems.slice(0, SHOWN_PROBLEMS))
    process.stderr.write(`${visible(`${files[file]}:${line + 1}: ${message}`)}\n`);
  const rest = problems.length + moreProblems - SHOWN_PROBLEMS;
  if (rest > 0) process.stderr.write(`… and ${count(rest)} more rows like these\n`);
}
