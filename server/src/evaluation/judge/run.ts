import type { DatasetRow } from '../../datasets/types.js';
import { Contender } from '../board.js';
import type { PreferenceItem } from '../items/item.js';
import type { Evaluation } from '../run.js';
import type { RunOptions } from '../run-types.js';
import { concurrent } from './concurrent.js';
import type { Judge } from './judge.js';

/** How a judge's answers come: so many under way at once. */
export interface JudgeRunOptions extends RunOptions {
  readonly concurrency: number;
}

/** Runs a judge over all files and adds its row. @throws what the judge throws; AbortError */
export async function runJudge(
  evaluation: Evaluation,
  judge: Judge,
  name: string,
  o: JudgeRunOptions,
): Promise<void> {
  const contender = new Contender(name, 'LLM-as-a-judge', [{ name: 'mean' }], false);
  let done = 0;
  const items = evaluation.preferences(o);
  const work = ({ item, row }: { item: PreferenceItem; row: DatasetRow }) => judge.judge(item, row);
  for await (const { item: at, result } of concurrent(items, o.concurrency, work)) {
    o.signal?.throwIfAborted();
    const n = evaluation.place(at.item, at.row, at.file, done++);
    contender.takeJudged(evaluation.board, n, at.item.right.length, result);
    const margin = contender.margin.get(n);
    contender.wrong.take(at.item, at.row, at.file, { credit: result.credit, margin });
    o.onRow?.(at.file, at.row, done, 0);
    await o.onItem?.({
      item: at.item,
      number: n,
      row: at.row,
      file: at.file,
      contender,
      scores: [result.scores],
      beats: Number.NaN,
    });
  }
  contender.judge = judge.figures;
  evaluation.finish(done, undefined);
  if (done > 0) evaluation.contenders.push(contender);
}
