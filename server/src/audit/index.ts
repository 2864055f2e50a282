import { placeOf } from '../datasets/index.js';
import type { DatasetEvent, DatasetRow } from '../datasets/types.js';
import type { Evaluator } from '../engine/types.js';
import { measure, probabilityBeats, type MeasureOptions } from '../qrm/index.js';
import type { ScoreStore } from '../store/index.js';
import { problemFinding, type Finding, type FindingCode, type ProblemFinding } from './finding.js';
import type { Ignored } from './ignore.js';
import { runRules } from './rules/index.js';
import { scoreRows, type ScoredTarget } from './scorer.js';
import type { Thresholds } from './thresholds.js';
import { ResponseTable } from './table.js';

export * from './finding.js';
export * from './thresholds.js';
export { ResponseTable } from './table.js';
export {
  prepareRule,
  RULES,
  rulesFor,
  runRules,
  type Check,
  type Rule,
  type ThresholdSpec,
} from './rules/index.js';
export { TAIL } from './figures.js';
export { asksOf, limitsOf, limitsOfTable, thresholdOf, type Limits } from './limits.js';
export { scoreRows, type ScoredEvent, type ScoredTarget } from './scorer.js';
export { readIgnored, IGNORE_FILE } from './ignore.js';

/** A file to audit. `open` may be called twice: the second time for the texts of the report. */
export interface AuditSource {
  readonly path: string;
  readonly open: () => AsyncIterable<DatasetEvent>;
}

export interface AuditOptions extends MeasureOptions {
  readonly evaluator: Evaluator;
  readonly store?: ScoreStore;
  readonly thresholds?: Thresholds;
  readonly ignored?: Ignored;
  /** Findings of other codes are left out; default: all are wanted. */
  readonly wanted?: (code: FindingCode) => boolean;
  readonly signal?: AbortSignal;
  readonly priority?: number;
  /** Rows taken from each file; default all. */
  readonly limit?: number;
}

export interface AuditProgress {
  readonly rows: number;
  readonly responses: number;
  readonly fromStore: number;
  readonly file: number;
  /** The row just scored and its responses' numbers in the table. */
  readonly row?: DatasetRow;
  readonly added: readonly number[];
}

/** What an audit knows after (or during) its run. */
export interface Audit {
  readonly sources: readonly AuditSource[];
  readonly table: ResponseTable;
  readonly problems: ProblemFinding[];
  /** Problems beyond MAX_PROBLEMS: counted, not kept. */
  moreProblems: number;
  /** Files that could not be read, by index into `sources`. */
  readonly unreadable: Map<number, string>;
  readonly thresholds: Thresholds;
  readonly tau: number;
  /** The findings so far, problems first, without those ignored. */
  findings(): Generator<Finding>;
}

const MAX_PROBLEMS = 10_000;

/**
 * Scores every row of the sources and keeps the numbers; yields after each row. One bad row or file
 * never stops the run.
 * @throws AbortError when cancelled; the audit then holds what was scored.
 */
export function auditDataset(sources: readonly AuditSource[], options: AuditOptions) {
  const table = new ResponseTable(options.evaluator.info.spec.levels);
  const { thresholds = {} } = options;
  const audit: Audit = {
    sources,
    table,
    problems: [],
    moreProblems: 0,
    unreadable: new Map(),
    thresholds,
    tau: options.tau,
    *findings() {
      const wanted = options.wanted ?? (() => true);
      if (wanted('malformed-row')) yield* audit.problems;
      for (const finding of runRules({ table, thresholds, tau: options.tau })) {
        if (!wanted(finding.code)) continue;
        if (!options.ignored?.(table.hash(finding.response), finding.code)) yield finding;
      }
    },
  };
  return { audit, progress: run(audit, options) };
}

async function* run(audit: Audit, options: AuditOptions): AsyncGenerator<AuditProgress> {
  let rows = 0;
  let fromStore = 0;
  for (const [file, source] of audit.sources.entries()) {
    try {
      const events = take(source.open(), options.limit);
      for await (const event of scoreRows(events, options)) {
        if (event.type === 'problem') {
          if (audit.problems.length < MAX_PROBLEMS) {
            audit.problems.push(problemFinding(file, event.problem));
          } else audit.moreProblems++;
          if (event.problem.code === 'unreadable')
            audit.unreadable.set(file, event.problem.message);
          continue;
        }
        const added = record(audit.table, file, event.row, event.targets, options);
        rows++;
        fromStore += event.targets.filter((t) => t.fromStore).length;
        yield { rows, responses: audit.table.length, fromStore, file, row: event.row, added };
      }
    } catch (error) {
      if (options.signal?.aborted || isEngineFailure(error)) throw error;
      audit.unreadable.set(file, error instanceof Error ? error.message : String(error));
    }
  }
}

/** Only errors of the file system belong to a file; the rest would strike every file alike. */
function isEngineFailure(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error && 'syscall' in error);
}

/** The first `limit` rows, and every problem among them. */
export async function* take(events: AsyncIterable<DatasetEvent>, limit = Infinity) {
  let rows = 0;
  if (limit <= 0) return;
  for await (const event of events) {
    yield event;
    if (event.type === 'row' && ++rows >= limit) return;
  }
}

function record(
  table: ResponseTable,
  file: number,
  row: DatasetRow,
  targets: readonly ScoredTarget[],
  options: AuditOptions,
): number[] {
  const halves = new Map<string, number>();
  const added = targets.map(({ conversation: c, target, hash, result }) => {
    const conversation = row.conversations[c];
    const kind = conversation?.kind ?? 'completion';
    const place = placeOf(row, c, target);
    const label = conversation?.label ?? '';
    const i = table.add({
      file,
      row: row.index,
      conversation: c,
      target,
      kind,
      label,
      place,
      hash,
    });
    if (result.ok) {
      table.score(
        i,
        measure(result.score, table.levels, options),
        result.score.tokens,
        result.score.truncatedTokens,
      );
    } else table.errors.set(i, result.error);
    halves.set(kind, i);
    return i;
  });
  const chosen = halves.get('chosen');
  const rejected = halves.get('rejected');
  if (chosen !== undefined && rejected !== undefined) {
    table.pair(chosen, rejected);
    if (table.scored(chosen) && table.scored(rejected)) {
      table.beats.set(
        chosen,
        probabilityBeats(table.quantiles(chosen), table.quantiles(rejected), table.levels),
      );
    }
  }
  return added;
}
