import type { DatasetEvent, DatasetRow } from '../datasets/types.js';
import type { Evaluator } from '../engine/types.js';
import type { MeasureOptions } from '../qrm/index.js';
import {
  MAX_PROBLEMS,
  problemFinding,
  type Finding,
  type FindingCode,
  type ProblemFinding,
} from './finding.js';
import { ignoresNothing, isIgnored, type Ignored } from './ignore.js';
import { seeksNearDuplicates } from './rules/texts/near-duplicate.js';
import { limitsOfTable, type Limits } from './limits.js';
import { RULES, runRules } from './rules/index.js';
import { FileError } from '../errors.js';
import { knownAsk, KnownRows, type KnownAsk, type WrittenRows } from '../session/known/rows.js';
import { LazyEvaluator } from '../session/model/lazy-evaluator.js';
import { scoreRows } from '../session/score-rows.js';
import { ScoreService, type KeptScores } from '../session/score-service.js';
import { Ledger } from './ledger.js';
import type { Thresholds } from './thresholds.js';
import type { ResponseTable } from './table.js';

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
export { Column } from './columns.js';
export { drained } from './rules/rule.js';
export { TAIL, type Figure } from './figures.js';
export { asksOf, judgedBy, limitsOf, limitsOfTable, Limits } from './limits.js';
export { Ledger, type LedgerOptions } from './ledger.js';
export { NEAR_PERCENT, seeksNearDuplicates } from './rules/texts/near-duplicate.js';
export { readIgnored, IGNORE_FILE, ignoresNothing, isIgnored, type Ignored } from './ignore.js';
export { parseIgnored } from './ignore-file.js';

/** A file to audit. `open` may be called twice: the second time for the texts of the report. */
export interface AuditSource {
  readonly path: string;
  readonly open: () => AsyncIterable<DatasetEvent>;
  /** The same with rows of known scores as numbers, where nobody needs their texts; absent: there is no such reading. */
  readonly openKnown?: (ask: KnownAsk) => AsyncIterable<DatasetEvent | WrittenRows>;
}

export interface AuditOptions extends MeasureOptions {
  readonly evaluator: Evaluator;
  readonly store?: KeptScores | undefined;
  readonly thresholds?: Thresholds;
  readonly ignored?: Ignored | undefined;
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
  /** Where the last row ends in its file. */
  readonly end: number;
  /** The row just scored and its responses' numbers in the table; of rows that came as numbers there are none. */
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
  /** How many of them are errors; the others are warnings. */
  moreErrors: number;
  /** Files of which no row could be read, and why; empty ones are none of them. */
  readonly fruitless: Map<number, string>;
  /** Files that could not be read, by index into `sources`. */
  readonly unreadable: Map<number, string>;
  readonly thresholds: Thresholds;
  readonly tau: number;
  /** What the thresholds mean for the responses so far, for every rule. */
  readonly limits?: Limits;
  /** The findings so far, problems first, without those ignored. */
  findings(): Generator<Finding>;
}

/** An audit that has read nothing yet. @param findings what its table holds, problems first */
export const emptyAudit = (
  sources: readonly AuditSource[],
  table: ResponseTable,
  limits: { readonly thresholds: Thresholds; readonly tau: number },
  findings: (audit: Audit) => Generator<Finding>,
): Audit => ({
  sources,
  table,
  problems: [],
  moreProblems: 0,
  moreErrors: 0,
  unreadable: new Map(),
  fruitless: new Map(),
  ...limits,
  findings() {
    return findings(this);
  },
});

/**
 * Scores every row of the sources and keeps the numbers; yields after each row. One bad row or file
 * never stops the run.
 * @throws AbortError when cancelled; the audit then holds what was scored.
 */
export function auditDataset(sources: readonly AuditSource[], options: AuditOptions) {
  const { thresholds = {}, wanted = () => true } = options;
  const sketches = wanted('near-duplicate') && seeksNearDuplicates(thresholds);
  const ledger = new Ledger(options.evaluator.info, { ...options, sketches });
  const { table } = ledger;
  const { ignored = ignoresNothing, tau } = options;
  // A report goes through the findings several times, each of which would sort the table's figures again.
  let known: { readonly revision: number; readonly limits: Limits } | undefined;
  const limitsSoFar = (): Limits => {
    const { revision } = ledger;
    if (known?.revision !== revision)
      known = { revision, limits: limitsOfTable(RULES, table, thresholds) };
    return known.limits;
  };
  const audit = emptyAudit(sources, table, { thresholds, tau }, function* ({ problems }) {
    if (wanted('malformed-row')) yield* problems;
    for (const finding of runRules({ table, thresholds, tau, limits: limitsSoFar() })) {
      if (!wanted(finding.code)) continue;
      if (!isIgnored(ignored, table, finding)) yield finding;
    }
  });
  Object.defineProperty(audit, 'limits', { get: limitsSoFar, enumerable: true });
  return { audit, progress: run(audit, ledger, options) };
}

async function* run(
  audit: Audit,
  ledger: Ledger,
  options: AuditOptions,
): AsyncGenerator<AuditProgress> {
  const { evaluator, store, signal, priority } = options;
  const service = new ScoreService(LazyEvaluator.of(evaluator), store);
  // Sketches are of texts, and a limit counts rows one by one.
  const whole = ledger.options.sketches !== true && options.limit === undefined;
  const ask = whole ? knownAsk(evaluator.info, store, ledger.options) : undefined;
  let rows = 0;
  for (const [file, source] of audit.sources.entries()) {
    let rowsOfFile = false;
    try {
      const known = ask && source.openKnown?.(ask);
      const events = known ? toldOf(source, known, signal) : reading(source, options);
      for await (const event of scoreRows(events, { service, signal, priority })) {
        if (event.type === 'problem') {
          const wanted = options.wanted?.('malformed-row') ?? true;
          if (!wanted) {
            // Not counted either.
          } else if (audit.problems.length < MAX_PROBLEMS) {
            audit.problems.push(problemFinding(file, event.problem));
          } else {
            audit.moreProblems++;
            if (problemFinding(file, event.problem).severity === 'error') audit.moreErrors++;
          }
          if (!rowsOfFile && event.problem.code !== 'empty-file' && !audit.fruitless.has(file))
            audit.fruitless.set(file, event.problem.message);
          if (event.problem.code === 'unreadable')
            audit.unreadable.set(file, event.problem.message);
          continue;
        }
        rowsOfFile = true;
        audit.fruitless.delete(file);
        if (event.type === 'written') {
          ledger.addKnown(new KnownRows(event, ledger.table.levels.length), file);
          rows += event.count;
          const { fromStore, live: responses } = ledger;
          yield { rows, responses, fromStore, file, end: event.place.end, added: [] };
          continue;
        }
        const { row, targets } = event;
        const added = ledger.add(row.index, targets, file);
        ledger.settle(added, targets);
        rows++;
        const { fromStore, live: responses } = ledger;
        yield { rows, responses, fromStore, file, end: row.place.end, row, added };
      }
    } catch (error) {
      // Whatever else is wrong would strike every file alike.
      if (signal?.aborted || !(error instanceof FileError)) throw error;
      audit.unreadable.set(file, error.message);
    }
  }
}

/** A file's events, of which errors are told as the file's. @throws FileError; AbortError */
export async function* reading(
  source: AuditSource,
  { limit, signal }: Pick<AuditOptions, 'limit' | 'signal'>,
) {
  yield* toldOf(source, take(source.open(), limit), signal);
}

async function* toldOf<T>(source: AuditSource, events: AsyncIterable<T>, signal?: AbortSignal) {
  try {
    // Not yield*, which costs an asynchronous generator three promises an event.
    for await (const event of events) yield event;
  } catch (error) {
    signal?.throwIfAborted();
    throw new FileError(source.path, error);
  }
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
