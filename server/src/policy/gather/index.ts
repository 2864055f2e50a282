import { reading, type AuditSource } from '../../audit/index.js';
import type { DatasetProblem } from '../../datasets/types.js';
import type { Evaluator } from '../../engine/types.js';
import { FileError, messageOf } from '../../errors.js';
import { LazyEvaluator } from '../../session/model/lazy-evaluator.js';
import { scoreRows } from '../../session/score-rows.js';
import { ScoreService } from '../../session/score-service.js';
import type { ScoreStore } from '../../store/index.js';
import { PoolBuilder, type Pool } from './pool.js';

export { PoolBuilder, type LeftOut, type Origin, type Pool } from './pool.js';
export { chosenLines, pairLines, weightLines, type SampleTexts } from './write.js';

export interface GatherOptions {
  readonly evaluator: Evaluator;
  readonly store?: ScoreStore | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Rows taken from each file; default all. */
  readonly limit?: number | undefined;
  /** Fixed attribute weights in place of the gate, length M. */
  readonly weights?: readonly number[] | undefined;
  readonly onProblem?: (file: number, problem: DatasetProblem) => void;
}

export interface GatherProgress {
  readonly file: number;
  readonly end: number;
  readonly responses: number;
  readonly fromStore: number;
}

/** Files that could not be read, or gave no row, and why: by index. */
export type Fruitless = Map<number, string>;

/**
 * Scores every response of the sources, from the store where it has them, and gathers them by prompt. Yields after each
 * row; a bad row or file never stops the run.
 * @returns the pool, and the files that gave nothing
 * @throws AbortError when cancelled; what the evaluator throws
 */
export async function* gather(
  sources: readonly AuditSource[],
  options: GatherOptions,
): AsyncGenerator<GatherProgress, { pool: Pool; fruitless: Fruitless }> {
  const { evaluator, signal, limit, store } = options;
  const service = new ScoreService(LazyEvaluator.of(evaluator), store);
  const builder = new PoolBuilder(evaluator.info.spec, options.weights);
  const fruitless: Fruitless = new Map();
  const from = { ...(limit !== undefined && { limit }), ...(signal && { signal }) };
  let [responses, fromStore] = [0, 0];
  for (const [file, source] of sources.entries()) {
    let rows = 0;
    let why: string | undefined;
    try {
      for await (const event of scoreRows(reading(source, from), { service, signal })) {
        if (event.type === 'problem') {
          options.onProblem?.(file, event.problem);
          const { code, message } = event.problem;
          if (code !== 'empty-file') why ??= message;
          if (code === 'unreadable') fruitless.set(file, message);
          continue;
        }
        rows++;
        builder.add(file, event.row, event.targets);
        responses += event.targets.length;
        for (const t of event.targets) if (t.fromStore) fromStore++;
        yield { file, end: event.row.place.end, responses, fromStore };
      }
    } catch (error) {
      if (signal?.aborted || !(error instanceof FileError)) throw error;
      fruitless.set(file, messageOf(error));
    }
    if (rows === 0 && why !== undefined && !fruitless.has(file)) fruitless.set(file, why);
  }
  return { pool: builder.build(), fruitless };
}
