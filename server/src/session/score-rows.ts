import type { DatasetEvent, DatasetProblem, DatasetRow } from '../datasets/types.js';
import { RowScores, type ScoredTarget } from './row-scores.js';
import type { ScoreService } from './score-service.js';
import type { WrittenRows } from './known/rows.js';
import { slotsOf } from './slots.js';

export type ScoredEvent =
  | { readonly type: 'row'; readonly row: DatasetRow; readonly targets: readonly ScoredTarget[] }
  | { readonly type: 'problem'; readonly problem: DatasetProblem };

export interface ScoreRowsOptions {
  readonly service: ScoreService;
  readonly signal?: AbortSignal | undefined;
  readonly priority?: number | undefined;
  /** A row that is not wanted (already in the output) is passed over. */
  readonly skip?: (row: DatasetRow) => boolean;
}

type Pending =
  /** All of its rows are known. */
  | { readonly written: WrittenRows; readonly missing: false }
  | { readonly scores: RowScores; missing: boolean }
  | { readonly problem: DatasetProblem; readonly missing: false };

/** Events that may wait, with their text, behind a row that is being scored. */
const WAITING = 512;

const weigh = (pending: Pending): number => ('written' in pending ? pending.written.count : 1);

/**
 * Events in their file's order, rows with their scores: from the store where it has them, else from
 * the evaluator, whose scores are in the store before their row is yielded.
 * The rows found in the store wait behind one being scored; when too many do, the stream to the
 * evaluator is ended (which makes it finish) and another begun, so memory stays bounded.
 * Rows that come with their scores (`WrittenRows`) are passed on.
 * @throws AbortError when cancelled; what the evaluator throws
 */
export function scoreRows(
  events: AsyncIterable<DatasetEvent>,
  options: ScoreRowsOptions,
): AsyncGenerator<ScoredEvent>;
export function scoreRows(
  events: AsyncIterable<DatasetEvent | WrittenRows>,
  options: ScoreRowsOptions,
): AsyncGenerator<ScoredEvent | WrittenRows>;
export async function* scoreRows(
  events: AsyncIterable<DatasetEvent | WrittenRows>,
  options: ScoreRowsOptions,
): AsyncGenerator<ScoredEvent | WrittenRows> {
  const { service, signal, priority } = options;
  const input = events[Symbol.asyncIterator]();
  const waiting: Pending[] = [];
  /** Events in `waiting`, each of the rows in a run by itself. */
  let weight = 0;
  let ended = false;
  const wait = (pending: Pending): void => {
    waiting.push(pending);
    weight += weigh(pending);
  };

  async function* groups() {
    while (weight < WAITING) {
      signal?.throwIfAborted();
      const next = await input.next();
      if (next.done) {
        ended = true;
        return;
      }
      const event = next.value;
      if (event.type === 'problem') {
        wait({ problem: event.problem, missing: false });
        continue;
      }
      if (event.type === 'written') {
        wait({ written: event, missing: false });
        continue;
      }
      if (options.skip?.(event.row)) continue;
      const scores = new RowScores(event.row, slotsOf(event.row), (hash) => service.stored(hash));
      const pending = { scores, missing: scores.missing > 0 };
      wait(pending);
      if (pending.missing) yield { group: scores.group(), tag: pending };
    }
  }
  function* ready(): Generator<ScoredEvent | WrittenRows> {
    for (let first = waiting[0]; first !== undefined && !first.missing; first = waiting[0]) {
      waiting.shift();
      weight -= weigh(first);
      yield 'written' in first ? first.written : done(first);
    }
  }

  try {
    while (!ended) {
      const stream = service.evaluator.scoreStream(groups(), {
        ...(signal && { signal }),
        ...(priority !== undefined && { priority }),
      });
      for await (const { tag, result } of stream) {
        await service.keep(tag.scores.settle(result));
        tag.missing = false;
        yield* ready();
      }
      yield* ready();
    }
  } finally {
    await input.return?.();
  }
}

function done(pending: Exclude<Pending, { written: WrittenRows }>): ScoredEvent {
  if ('problem' in pending) return { type: 'problem', problem: pending.problem };
  return { type: 'row', row: pending.scores.row, targets: pending.scores.targets };
}
