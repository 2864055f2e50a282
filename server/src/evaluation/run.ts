import { READ_NEVERTHELESS } from '../datasets/index.js';
import type { DatasetEvent, DatasetProblem, DatasetRow } from '../datasets/types.js';
import type { Evaluator } from '../engine/types.js';
import { FileError } from '../errors.js';
import { measure, probabilityBeats, type MeasureOptions } from '../qrm/index.js';
import { LazyEvaluator } from '../session/model/lazy-evaluator.js';
import type { ScoredTarget } from '../session/row-scores.js';
import { scoreRows } from '../session/score-rows.js';
import { ScoreService } from '../session/score-service.js';
import { contentHash, type ScoreStore } from '../store/index.js';
import { Board, Contender, type Reading } from './board.js';
import { ItemReader, type Item, type PreferenceItem } from './items/item.js';
import { RatedBoard, RatedScores } from './rated-board.js';
import type { EvaluationProblem, EvaluationSource, RowSpec, RunOptions } from './run-types.js';

/** Items of all files, found when the first model runs over them. */
export class Evaluation {
  readonly board = new Board();
  readonly rated = new RatedBoard();
  readonly contenders: Contender[] = [];
  readonly ratedBy: { readonly name: string; readonly scores: RatedScores }[] = [];
  readonly problems: EvaluationProblem[] = [];
  moreProblems = 0;
  readonly unreadable = new Map<number, string>();
  /** Pairs of RewardBench whose rejected half had another beginning. */
  rebased = 0;
  /** Items by model must be the same: a file that changed meanwhile would mix two data sets. */
  private first = true;

  constructor(readonly sources: readonly EvaluationSource[]) {}

  problem(problem: EvaluationProblem): void {
    if (!this.first) return;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push(problem);
    else this.moreProblems++;
  }

  /**
   * Runs one model over all files and adds its rows.
   * @throws AbortError; what the evaluator throws; Error when a file is another than at the first model
   */
  async run(
    evaluator: Evaluator,
    store: ScoreStore | undefined,
    specs: readonly RowSpec[],
    readings: readonly Reading[],
    o: RunOptions,
  ): Promise<void> {
    const { info } = evaluator;
    const service = new ScoreService(LazyEvaluator.of(evaluator), store);
    const distribution = info.spec.levels.length > 1;
    const rows = specs.map((spec) => ({
      spec,
      contender: new Contender(spec.name, spec.kind, readings, distribution),
    }));
    const rated = new RatedScores(info.spec.attributes, info.spec.levels);
    const seen = { items: 0, rated: 0, responses: 0, fromStore: 0 };
    for (const [file, source] of this.sources.entries()) {
      const items = new WeakMap<DatasetRow, Item>();
      const events = this.items(file, source, o, items);
      for await (const event of scoreRows(events, { service, signal: o.signal })) {
        if (event.type === 'problem') continue;
        const { row, targets } = event;
        const item = items.get(row);
        if (item === undefined) continue;
        seen.responses += targets.length;
        seen.fromStore += targets.filter((t) => t.fromStore).length;
        o.onRow?.(file, row, seen.responses, seen.fromStore);
        if (item.type === 'rated') {
          this.takeRated(item, row, targets, rated, seen, o.measure, file);
          continue;
        }
        const n = this.place(item, row, file, seen.items++);
        for (const { spec, contender } of rows)
          await this.take(contender, n, item, event, readings, { ...o.measure, ...(spec.weights && { weights: spec.weights }) }, info.spec.levels, o, file); // prettier-ignore
      }
    }
    this.finish(seen.items, seen.rated);
    if (seen.items > 0) this.contenders.push(...rows.map(({ contender }) => contender));
    if (seen.rated > 0)
      this.ratedBy.push({ name: specs[0]?.name ?? info.modelName, scores: rated });
  }

  /** Every row that is a preference, for whoever scores it without an evaluator. */
  async *preferences(
    o: RunOptions,
  ): AsyncGenerator<{ item: PreferenceItem; row: DatasetRow; file: number }> {
    for (const [file, source] of this.sources.entries()) {
      const items = new WeakMap<DatasetRow, Item>();
      for await (const event of this.items(file, source, o, items)) {
        const item = event.type === 'row' ? items.get(event.row) : undefined;
        if (event.type === 'row' && item?.type === 'preference')
          yield { item, row: event.row, file };
      }
    }
  }

  /** A run has ended. @param rated undefined where rated responses were passed over */
  finish(items: number, rated: number | undefined): void {
    if (
      !this.first &&
      (items !== this.board.length || (rated ?? this.rated.length) !== this.rated.length)
    )
      // prettier-ignore
      throw new Error(CHANGED);
    this.first = false;
  }

  /** The rows that are items, after what is to be said of those that are not. */
  private async *items(
    file: number,
    source: EvaluationSource,
    o: RunOptions,
    items: WeakMap<DatasetRow, Item>,
  ): AsyncGenerator<DatasetEvent> {
    const reader = new ItemReader(stemOf(source.path), o.suite);
    let rows = 0;
    try {
      for await (const event of source.open()) {
        if (event.type === 'problem') {
          this.told(file, event.problem);
          continue;
        }
        if (rows++ >= (o.limit ?? Infinity)) return;
        const item = reader.read(event.row);
        if ('error' in item) {
          const { line } = event.row.place;
          this.problem({ file, line, message: item.error, lost: true });
          continue;
        }
        const row = this.asScored(item, event.row);
        items.set(row, item);
        yield { type: 'row', row };
      }
    } catch (error) {
      o.signal?.throwIfAborted();
      if (!(error instanceof FileError)) throw error;
      this.unreadable.set(file, error.message);
    }
  }

  private told(file: number, { place, message, code }: DatasetProblem): void {
    if (code === 'unreadable') {
      this.unreadable.set(file, message);
      return;
    }
    const kept = READ_NEVERTHELESS.has(code) || KEPT.has(code);
    this.problem({ file, line: place.line, message, lost: !kept });
  }

  /** RewardBench scores the rejected answer after the chosen one's beginning, whatever stands before it. */
  private asScored(item: Item, row: DatasetRow): DatasetRow {
    if (item.type !== 'preference' || item.suite !== 'rewardbench') return row;
    const chosen = row.conversations[item.right[0]!]!;
    const rejected = row.conversations[item.wrong[0]!]!;
    const [a, b] = [chosen.targets.at(-1), rejected.targets.at(-1)];
    if (a === undefined || b === undefined) return row;
    const same =
      a === b &&
      chosen.turns.slice(0, a).every((turn, i) => {
        const other = rejected.turns[i]!;
        return turn === other || (turn.role === other.role && turn.content === other.content);
      });
    if (same) return row;
    if (this.first) this.rebased++;
    const turns = [...chosen.turns.slice(0, a), rejected.turns[b]!];
    const conversations = row.conversations.map((c) =>
      c === rejected ? { ...c, turns, targets: [a] } : c,
    );
    return { ...row, conversations };
  }

  /** The number of an item: a new one at the first run, the same at the others. */
  place(item: PreferenceItem, row: DatasetRow, file: number, n: number): number {
    const { board } = this;
    if (!this.first) {
      if (n >= board.length || board.row.get(n) !== row.index || board.file.get(n) !== file)
        throw new Error(CHANGED);
      return n;
    }
    const text = (c: number): number => {
      const conversation = row.conversations[c];
      return conversation?.turns[conversation.targets.at(-1) ?? -1]?.content.length ?? 0;
    };
    return board.add({
      suite: item.suite,
      subset: item.subset,
      id: item.id,
      prompt: promptOf(row, item.right[0]!),
      file,
      row: row.index,
      place: row.place,
      rightLength: text(item.right[0]!),
      wrongLength: text(item.wrong[0]!),
    });
  }

  private async take(
    contender: Contender,
    n: number,
    item: PreferenceItem,
    { row, targets }: { row: DatasetRow; targets: readonly ScoredTarget[] },
    readings: readonly Reading[],
    options: MeasureOptions,
    levels: readonly number[],
    o: RunOptions,
    file: number,
  ): Promise<void> {
    const found = [...item.right, ...item.wrong].map((c) => {
      const result = targets.filter((t) => t.conversation === c).at(-1)?.result;
      contender.responses++;
      if (result?.ok === true) {
        if (result.score.truncatedTokens > 0) contender.truncated++;
        return measure(result.score, levels, options);
      }
      const why = result?.error ?? 'no response to score';
      contender.reasons.set(why, (contender.reasons.get(why) ?? 0) + 1);
      return undefined;
    });
    const scores = readings.map((reading) =>
      found.map((m) => (m === undefined ? NaN : reading.of(m))),
    );
    const right = item.right.length;
    // The decision: which response is best, against the best of the other kind.
    const first = scores[0]!;
    const good = top(first, 0, right);
    const bad = top(first, right, first.length);
    const [g, b] = [found[good], found[bad]];
    const beats = g && b ? probabilityBeats(g.sorted, b.sorted, levels) : Number.NaN;
    const confidence = Math.max(beats, 1 - beats);
    const width = g && b ? Math.max(g.spread, b.spread) : Number.NaN;
    contender.take(this.board, n, right, scores, { confidence, width });
    const margin = contender.margin.get(n);
    contender.wrong.take(item, row, file, { credit: contender.credit[0]!.get(n), margin });
    await o.onItem?.({ item, number: n, row, file, contender, scores, beats });
  }

  private takeRated(
    item: Item & { type: 'rated' },
    row: DatasetRow,
    targets: readonly ScoredTarget[],
    rated: RatedScores,
    seen: { rated: number },
    options: MeasureOptions,
    file: number,
  ): void {
    for (const { conversation, labels } of item.responses) {
      const i = seen.rated++;
      if (this.first)
        for (const message of this.rated.add(promptOf(row, conversation), labels, file))
          this.problem({ file, line: row.place.line, message, lost: false });
      const result = targets.filter((t) => t.conversation === conversation).at(-1)?.result;
      rated.expectation.set(i, Number.NaN);
      if (result?.ok !== true) continue;
      rated.keep(i, result.score, options, labels.keys());
    }
  }
}

/** Names that say nothing: BIG-bench's `…/harmless/task.json`, the hub's `…/harmless/test-00000-of-00001.parquet`. */
const PLAIN = /^(?:task|data|train|test|validation)(?:-\d+-of-\d+)?$/;

/** A file's name without its endings, or its folder's where that says nothing. */
function stemOf(path: string): string {
  const parts = path.split(/[\\/]/);
  const stem = (parts.at(-1) ?? path).replace(/(?:\.[a-z]\w*)+$/i, '');
  return PLAIN.test(stem) ? (parts.at(-2) ?? stem) : stem;
}

const MAX_PROBLEMS = 1000;
/** Besides those of rows that are read nevertheless. */
const KEPT: ReadonlySet<DatasetProblem['code']> = new Set([
  'stray-text',
  'duplicate-key',
  'invalid-utf8',
]);
const CHANGED = 'a file changed while models were run over it: begin again';

/** Index of the greatest number of a stretch; NaN counts as the least. */
function top(x: readonly number[], from: number, to: number): number {
  let best = from;
  for (let i = from + 1; i < to; i++) if (!(x[i]! <= x[best]!) && !Number.isNaN(x[i]!)) best = i;
  return best;
}

/** A number for what stands before a response: 48 bits of its hash. */
function promptOf(row: DatasetRow, c: number): number {
  const { turns, targets } = row.conversations[c]!;
  const target = targets.at(-1) ?? 0;
  return contentHash(turns, Math.max(0, target - 1)).readUIntBE(0, 6);
}
