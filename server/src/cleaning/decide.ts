import type { Audit, Finding, FindingCode } from '../audit/index.js';
import type { ResponseTable } from '../audit/index.js';
import { type Annotation, type FilePlan, type RowChange } from './changes.js';

export interface CleanOptions {
  /** Rows with a finding of one of these codes go. */
  readonly drop?: ReadonlySet<FindingCode>;
  /** Inverted pairs are turned: at most this P(chosen beats rejected); undefined where the finding's own threshold holds. */
  readonly swap?: { readonly limit: number | undefined };
  readonly dropDuplicates?: boolean;
  readonly dedupeContradictions?: boolean;
  readonly keepTop?: { readonly share: number; readonly by: 'margin' | 'tail' | undefined };
  readonly annotate?: boolean;
}

/** The responses of a row, in its order. */
export interface RowResponses {
  readonly file: number;
  readonly row: number;
  readonly ids: readonly number[];
}

/** The rows of a table, in its order: responses of a row follow one another. */
export function* rowsOf(table: ResponseTable): Generator<RowResponses> {
  for (let i = 0; i < table.length;) {
    const [file, row] = [table.file.get(i), table.row.get(i)];
    const ids: number[] = [];
    for (; i < table.length && table.file.get(i) === file && table.row.get(i) === row; i++)
      if (!table.removed(i)) ids.push(i);
    if (ids.length > 0) yield { file, row, ids };
  }
}

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

/** What becomes of the rows of each file. The first reason to remove a row ends the matter; swaps come last. */
export function decide(audit: Audit, options: CleanOptions): FilePlan[] {
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
  for (const finding of audit.findings()) {
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
  if (options.dedupeContradictions) contradictions(table, remove);
  if (options.keepTop !== undefined) keepTop(table, options.keepTop, remove);
  if (options.swap !== undefined) {
    const { limit } = options.swap;
    const turn = (id: number): void => {
      const [file, row] = [table.file.get(id), table.row.get(id)];
      const p = table.beats.get(id);
      if (changes[file]?.has(row)) return;
      const at = limit === undefined ? '' : `, at or below ${percent(limit)}`;
      const reason = `inverted-pair: chosen beats rejected with probability ${percent(p)}${at}`;
      changes[file]?.set(row, { action: 'swap', reasons: [reason] });
    };
    if (limit === undefined) for (const { response } of inverted) turn(response);
    else
      for (let i = 0; i < table.length; i++)
        if (table.scored(i) && table.beats.get(i) <= limit && table.beats.get(i) < 0.5) turn(i);
  }
  const notes = options.annotate ? annotations(audit, codes) : undefined;
  return changes.map((of, file) => ({
    changes: of,
    ...(notes && { annotate: (row: number) => notes[file]?.get(row) }),
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
function contradictions(table: ResponseTable, remove: Remove): void {
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
    const likely = (pair: (typeof pairs)[number]) => table.beats.get(pair.chosen) || 0;
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

/** The rows with the highest margin or tail stay; those that have no figure stay too. */
function keepTop(
  table: ResponseTable,
  { share, by }: NonNullable<CleanOptions['keepTop']>,
  remove: Remove,
): void {
  const rows = [...rowsOf(table)];
  const chosenOf = (ids: readonly number[]) =>
    ids.find((i) => table.kindOf(i) === 'chosen' && table.partner(i) !== undefined);
  const pairs = rows.some(({ ids }) => chosenOf(ids) !== undefined);
  const figure = by ?? (pairs ? 'margin' : 'tail');
  const valued = rows.flatMap((row) => {
    const chosen = chosenOf(row.ids);
    if (figure === 'margin') {
      if (chosen === undefined) return [];
      const margin = table.expectation.get(chosen) - table.expectation.get(table.partner(chosen)!);
      const both = table.scored(chosen) && table.scored(table.partner(chosen)!);
      return both ? [{ row, value: margin }] : [];
    }
    const ids = chosen === undefined ? row.ids : [chosen];
    const tails = ids.map((i) => table.tail.get(i)).filter((t) => !Number.isNaN(t));
    return tails.length === 0 ? [] : [{ row, value: Math.min(...tails) }];
  });
  const keep = Math.ceil(share * valued.length);
  // Of equals the earlier one stays.
  const order = [...valued].sort((a, b) => b.value - a.value);
  for (const { row, value } of order.slice(keep))
    remove(
      row.file,
      row.row,
      `keep-top: ${figure} ${value.toFixed(3)} is not among the highest ${percent(share)}`,
    );
}

/** The columns of each row: one number where every row of the file has one response, else a list. */
function annotations(audit: Audit, codes: ReadonlyMap<number, readonly FindingCode[]>) {
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
    all[file]?.set(row, {
      expectation: figures(table.expectation),
      q05: figures(table.tail),
      cvar: figures(table.cvar),
      spread: figures(table.spread),
      p_chosen: chosen === undefined ? null : table.beats.get(chosen),
      findings: [...new Set(ids.flatMap((i) => codes.get(i) ?? []))],
      quantiles: single[file] ? quantiles[0]! : quantiles,
    });
  }
  return all;
}
