import { percent } from '../../protocol/index.js';
import type { Audit, Finding, FindingCode, ResponseTable } from '../../audit/index.js';
import {
  ANNOTATIONS,
  JURY_ANNOTATIONS,
  type Annotation,
  type FilePlan,
  type RowChange,
} from '../changes.js';
import type { TopFigure } from './keep-top.js';
import { rowsOf, type RowResponses } from './rows.js';
import { voiceOf, type Voice } from './voice.js';

export interface CleanOptions {
  /** Rows with a finding of one of these codes go. */
  readonly drop?: ReadonlySet<FindingCode>;
  /** Inverted pairs are turned: at most this P(chosen beats rejected); undefined where the finding's own threshold holds. */
  readonly swap?: { readonly limit: number | undefined };
  readonly dropDuplicates?: boolean;
  readonly dedupeContradictions?: boolean;
  readonly keepTop?: { readonly share: number; readonly by: TopFigure | undefined };
  readonly annotate?: boolean;
}

/**
 * What becomes of the rows of each file. The first reason to remove a row ends the matter; swaps come last.
 * @param voice whose judgement it goes by; default: that of the model which made the audit
 */
export function decide(
  audit: Audit,
  options: CleanOptions,
  voice: Voice = voiceOf(audit),
): FilePlan[] {
  const { table } = audit;
  const changes = audit.sources.map(() => new Map<number, RowChange>());
  const remove = (file: number, row: number, reason: string): void => {
    const old = changes[file]?.get(row);
    if (old?.action === 'remove' && old.reasons.includes(reason)) return;
    const reasons = old?.action === 'remove' ? [...old.reasons, reason] : [reason];
    changes[file]?.set(row, { action: 'remove', reasons });
  };
  const codes = new Map<number, FindingCode[]>();
  const inverted: Extract<Finding, { response: number }>[] = [];
  for (const finding of voice.findings()) {
    if (!('response' in finding)) {
      const { index } = finding.problem;
      const drop = options.drop?.has('malformed-row') === true && finding.severity === 'error';
      if (drop && index !== undefined)
        remove(finding.file, index, `malformed-row: ${finding.message}`);
      continue;
    }
    const { code, response, message } = finding;
    if (options.annotate) codes.set(response, [...(codes.get(response) ?? []), code]);
    if (options.drop?.has(code))
      remove(table.file.get(response), table.row.get(response), `${code}: ${message}`);
    if (code === 'inverted-pair') inverted.push(finding);
  }
  if (options.dropDuplicates) duplicates(table, remove);
  if (options.dedupeContradictions) contradictions(table, voice, remove);
  if (options.keepTop !== undefined) keepTop(table, options.keepTop, voice, remove);
  if (options.swap !== undefined) {
    const { limit } = options.swap;
    const turn = (id: number): void => {
      const [file, row] = [table.file.get(id), table.row.get(id)];
      if (changes[file]?.has(row)) return;
      const at = limit === undefined ? '' : `, at or below ${percent(limit)}`;
      const reason = `inverted-pair: ${voice.why(id)}${at}`;
      changes[file]?.set(row, { action: 'swap', reasons: [reason] });
    };
    if (limit === undefined) for (const { response } of inverted) turn(response);
    else for (let i = 0; i < table.length; i++) if (voice.isWrong(i, limit)) turn(i);
  }
  if (voice.verdict !== undefined) noteVerdicts(table, changes, voice.verdict.bind(voice));
  const notes = options.annotate ? annotations(audit, voice, codes) : undefined;
  return changes.map((of, file) => ({
    changes: of,
    ...(notes && {
      annotate: (row: number) => notes[file]?.get(row),
      columns: voice.verdict === undefined ? ANNOTATIONS : [...ANNOTATIONS, ...JURY_ANNOTATIONS],
    }),
  }));
}

type Remove = (file: number, row: number, reason: string) => void;

/** Rows whose responses, with the same parts in them, all stand in one row before. */
function duplicates(table: ResponseTable, remove: Remove): void {
  const seen = new Map<string, RowResponses>();
  for (const row of rowsOf(table)) {
    const key = row.ids.map((i) => `${table.kindOf(i)} ${table.hash(i)}`).sort().join(' '); // prettier-ignore
    const first = seen.get(key);
    if (first === undefined) seen.set(key, row);
    else {
      const where = first.file === row.file ? '' : ` of file ${first.file + 1}`;
      remove(row.file, row.row, `duplicate: the same as row ${first.row + 1}${where}`);
    }
  }
}

/**
 * Of pairs of the same two responses with opposite labels one row stays: of the label that more rows have,
 * and where they are as many, of the one that the model finds likelier.
 */
function contradictions(table: ResponseTable, voice: Voice, remove: Remove): void {
  const groups = new Map<
    string,
    { readonly row: RowResponses; readonly chosen: number; readonly rejected: number }[]
  >();
  for (const row of rowsOf(table)) {
    const chosen = row.ids.find((i) => table.kindOf(i) === 'chosen');
    const rejected = chosen === undefined ? undefined : table.partner(chosen);
    if (chosen === undefined || rejected === undefined || row.ids.length !== 2) continue;
    const key = [table.hash(chosen), table.hash(rejected)].sort().join(' ');
    groups.set(key, [...(groups.get(key) ?? []), { row, chosen, rejected }]);
  }
  for (const pairs of groups.values()) {
    const sides = new Map<string, typeof pairs>();
    for (const pair of pairs) {
      const side = table.hash(pair.chosen);
      sides.set(side, [...(sides.get(side) ?? []), pair]);
    }
    if (sides.size < 2) continue;
    const likely = (pair: (typeof pairs)[number]) => voice.right(pair.chosen) || 0;
    const [best] = [...sides.values()].sort(
      (a, b) => b.length - a.length || likely(b[0]!) - likely(a[0]!),
    );
    const kept = best![0]!;
    for (const pair of pairs) {
      if (pair === kept) continue;
      const why = `contradiction: row ${kept.row.row + 1} holds the same two responses`;
      remove(
        pair.row.file,
        pair.row.row,
        `${why}${pair.chosen !== kept.chosen && table.hash(pair.chosen) === table.hash(kept.chosen) ? '' : ' with the opposite label'}`,
      );
    }
  }
}

/** What a jury found of the rows that are changed, for the manifest. */
function noteVerdicts(
  table: ResponseTable,
  changes: readonly Map<number, RowChange>[],
  verdictOf: NonNullable<Voice['verdict']>,
): void {
  for (const { file, row, ids } of rowsOf(table)) {
    const change = changes[file]?.get(row);
    if (change === undefined) continue;
    const verdicts = ids.flatMap((i) => verdictOf(i) ?? []);
    // Of a row of several pairs the worst.
    const [jury] = verdicts.sort((a, b) => b.mislabelled - a.mislabelled);
    if (jury !== undefined) changes[file]?.set(row, { ...change, jury });
  }
}

/** The rows with the highest margin or tail stay; those that have no figure stay too. */
function keepTop(
  table: ResponseTable,
  { share, by }: NonNullable<CleanOptions['keepTop']>,
  voice: Voice,
  remove: Remove,
): void {
  const { name, values } = voice.top(by);
  const valued = [...rowsOf(table)].flatMap((row, n) =>
    Number.isNaN(values[n]) ? [] : [{ row, value: values[n]! }],
  );
  const keep = Math.ceil(share * valued.length);
  // Of equals the earlier one stays.
  const order = [...valued].sort((a, b) => b.value - a.value);
  for (const { row, value } of order.slice(keep))
    remove(
      row.file,
      row.row,
      `keep-top: ${name} ${value.toFixed(3)} is not among the highest ${percent(share)}`,
    );
}

/** The columns of each row: one number where every row of the file has one response, else a list. */
function annotations(
  audit: Audit,
  voice: Voice,
  codes: ReadonlyMap<number, readonly FindingCode[]>,
) {
  const { table } = audit;
  const rows = [...rowsOf(table)];
  const single = audit.sources.map(() => true);
  for (const { file, ids } of rows) if (ids.length !== 1) single[file] = false;
  const all = audit.sources.map(() => new Map<number, Annotation>());
  for (const { file, row, ids } of rows) {
    const figures = (column: { get(i: number): number }) => {
      const values = ids.map((i) => (table.scored(i) ? column.get(i) : Number.NaN));
      return single[file] ? (Number.isNaN(values[0]) ? null : values[0]!) : values;
    };
    const quantiles = ids.map((i) => (table.scored(i) ? [...table.quantiles(i)] : []));
    const chosen = ids.find((i) => !Number.isNaN(table.beats.get(i)));
    const judged = ids.find((i) => !Number.isNaN(voice.right(i)));
    const verdict = judged === undefined ? undefined : voice.verdict?.(judged);
    all[file]?.set(row, {
      expectation: figures(table.expectation),
      q05: figures(table.tail),
      cvar: figures(table.cvar),
      spread: figures(table.spread),
      p_chosen: chosen === undefined ? null : table.beats.get(chosen),
      findings: [...new Set(ids.flatMap((i) => codes.get(i) ?? []))],
      quantiles: single[file] ? quantiles[0]! : quantiles,
      ...(verdict && {
        p_mislabelled: verdict.mislabelled,
        p_mislabelled_low: verdict.low,
        p_mislabelled_high: verdict.high,
        votes: verdict.votes,
      }),
    });
  }
  return all;
}
