import { setImmediate } from 'node:timers/promises';
import {
  Column,
  Ledger,
  limitsOfTable,
  prepareRule,
  RULES,
  type Check,
  type FindingCode,
} from '../audit/index.js';
import type { DatasetEvent, DatasetProblem, DatasetRow } from '../datasets/types.js';
import { DEFAULT_LAMBDA, DEFAULT_TAU } from '../qrm/index.js';
import { slotsOf } from '../session/slots.js';
import { nearDuplicates, NO_OTHER, Sketcher, SKETCH_WORDS } from '../similarity/index.js';
import { contentHash } from '../store/index.js';
import { noModel } from './unscored.js';
import { stepped } from '../pace.js';

/** What a row of the second data set shares with one of the first, the gravest first. */
export const LEAKS = [
  'contradicting-label',
  'shared-response',
  'near-duplicate',
  'shared-prompt',
  'near-prompt',
] as const;
export type LeakKind = (typeof LEAKS)[number];

/** Where a row is: its file's number among those of its side, its ordinal and its line there, all from 0. */
export interface RowPlace {
  readonly file: number;
  readonly row: number;
  readonly line: number;
}

export interface Leak extends RowPlace {
  /** All that hold of it, the gravest first. */
  readonly kinds: readonly LeakKind[];
  /** The first row of the other data set that the gravest is about. */
  readonly of: RowPlace;
}

export interface SideCounts {
  rows: number;
  responses: number;
  /** Different ones. */
  prompts: number;
}

export interface Comparison {
  readonly a: SideCounts;
  readonly b: SideCounts;
  /** Rows of the second data set by what they share; a row may count in several. */
  readonly counts: Readonly<Record<LeakKind, number>>;
  readonly leaks: readonly Leak[];
}

export interface ComparedFile {
  readonly path: string;
  readonly side: 0 | 1;
  readonly open: () => AsyncIterable<DatasetEvent>;
}

export interface CompareOptions {
  /** Per cent of the shingles that near-duplicates have in common; 0 looks for none. */
  readonly near: number;
  readonly signal?: AbortSignal;
  readonly onRow?: (file: number, row: DatasetRow) => void;
  readonly onProblem?: (file: number, problem: DatasetProblem) => void;
}

/** The turns before the first answer, as `--split` has them: they are what a train/test split parts. */
function promptOf(row: DatasetRow): { hash: string; text: string } | undefined {
  const [first] = row.conversations;
  const end = first?.targets[0] ?? 0;
  if (first === undefined || end === 0) return undefined;
  const hash = contentHash(first.turns, end - 1).toString('latin1');
  return {
    hash,
    text: first.turns.slice(0, end).map((turn) => turn.content).join('\n'), // prettier-ignore
  };
}

/** What each row is, in columns: a row's number is the order in which it was read, the first data set before the second. */
class Rows {
  length = 0;
  private readonly columns = Array.from({ length: 4 }, () => new Column(Uint32Array));

  add(file: number, row: DatasetRow, prompt: number): number {
    const i = this.length++;
    [file, row.index, row.place.line, prompt].forEach((value, n) => this.columns[n]!.set(i, value));
    return i;
  }
  file = (i: number): number => this.columns[0]!.get(i);
  prompt = (i: number): number => this.columns[3]!.get(i);
  place = (i: number): RowPlace => {
    const [file = 0, row = 0, line = 0] = this.columns.map((column) => column.get(i));
    return { file, row, line };
  };
}

/** Different prompts: which row of either side has each first, and its sketch. */
class Prompts {
  private readonly ids = new Map<string, number>();
  private readonly first = [new Column(Uint32Array), new Column(Uint32Array)] as const;
  private readonly sketches = new Column(Uint32Array);
  private readonly sketcher = new Sketcher();
  readonly counts: [number, number] = [0, 0];

  constructor(private readonly sketched: boolean) {}

  get length(): number {
    return this.ids.size;
  }

  /** @param row number of the row that has it */
  add({ hash, text }: { hash: string; text: string }, side: 0 | 1, row: number): number {
    let id = this.ids.get(hash);
    if (id === undefined) {
      this.ids.set(hash, (id = this.ids.size));
      if (this.sketched)
        this.sketcher
          .sketch([{ content: text }], 0)
          .forEach((word, n) => this.sketches.set(id! * SKETCH_WORDS + n, word));
    }
    if (!this.first[side].get(id)) {
      this.first[side].set(id, row + 1);
      this.counts[side]++;
    }
    return id;
  }

  /** The first row of a side that has it. */
  rowOf(id: number, side: 0 | 1): number | undefined {
    const row = this.first[side].get(id);
    return row ? row - 1 : undefined;
  }

  readonly word = (id: number, word: number): number => this.sketches.get(id * SKETCH_WORDS + word);
}

const NO_PROMPT = 0xffffffff;
const CODES: ReadonlySet<FindingCode> = new Set<FindingCode>(['contradictory-pair', 'duplicate-response', 'near-duplicate']); // prettier-ignore

/**
 * What the rows of one data set share with those of another: prompts, responses to them, labels that contradict, and
 * each nearly so. No model is asked; texts are read once, and 16 bytes of each (and 96 of each response and prompt, where
 * near-duplicates are looked for) stay in memory.
 * @param files those of the first data set before those of the second
 */
export async function compareData(
  files: readonly ComparedFile[],
  { near, signal, onRow, onProblem }: CompareOptions,
): Promise<Comparison> {
  const thresholds = { nearDuplicate: { kind: 'absolute', value: near } } as const;
  const tau = DEFAULT_TAU;
  const { table, ledger } = ledgerOf(near > 0);
  const rows = new Rows();
  const prompts = new Prompts(near > 0);
  const sides: [SideCounts, SideCounts] = [
    { rows: 0, responses: 0, prompts: 0 },
    { rows: 0, responses: 0, prompts: 0 },
  ];
  /** Of each response its row. */
  const rowOf = new Column(Uint32Array);
  for (const [file, { side, open }] of files.entries()) {
    for await (const event of open()) {
      signal?.throwIfAborted();
      if (event.type === 'problem') {
        onProblem?.(file, event.problem);
        continue;
      }
      const { row } = event;
      const prompt = promptOf(row);
      const number = rows.length;
      rows.add(file, row, prompt === undefined ? NO_PROMPT : prompts.add(prompt, side, number));
      for (const id of ledger.add(row.index, slotsOf(row), file)) {
        rowOf.set(id, number);
        sides[side].responses++;
      }
      sides[side].rows++;
      onRow?.(file, row);
    }
  }
  sides.forEach((side, n) => (side.prompts = prompts.counts[n as 0 | 1]));
  const sideOf = (row: number): number => files[rows.file(row)]!.side;

  const rules = RULES.filter(({ code }) => CODES.has(code));
  const limits = limitsOfTable(rules, table, thresholds);
  const checks = new Map<FindingCode, Check>();
  for (const rule of rules)
    checks.set(rule.code, await stepped(prepareRule(rule, { table, thresholds, tau }, limits), signal)); // prettier-ignore
  const nearPrompts =
    near > 0
      ? await stepped(
          nearDuplicates(
            prompts.length,
            prompts.word,
            near / 100,
            () => false,
            (p, q) => prompts.rowOf(p, 0) === undefined && prompts.rowOf(q, 0) !== undefined,
          ),
          signal,
        )
      : undefined;

  const counts = Object.fromEntries(LEAKS.map((kind) => [kind, 0])) as Record<LeakKind, number>;
  const leaks: Leak[] = [];
  /** Of each response what it is nearly the same as in the first data set, plus 1: copies of it are too. */
  const nearOf = new Column(Uint32Array);
  let response = 0;
  for (let row = 0; row < rows.length; row++) {
    if (row % 512 === 511) {
      await setImmediate();
      signal?.throwIfAborted();
    }
    const found = new Map<LeakKind, number>();
    const mark = (kind: LeakKind, other: number | undefined): void => {
      if (other === undefined || found.has(kind) || sideOf(row) === 0 || sideOf(other) === 1)
        return;
      found.set(kind, other);
    };
    const rowWith = (id: number | undefined) => (id === undefined ? undefined : rowOf.get(id));
    for (; response < table.length && rowOf.get(response) === row; response++) {
      mark('contradicting-label', rowWith(checks.get('contradictory-pair')?.(response)?.related));
      const copied = checks.get('duplicate-response')?.(response)?.related;
      mark('shared-response', rowWith(copied));
      const alike = checks.get('near-duplicate')?.(response)?.related;
      const other = copied === undefined ? alike : (nearOf.get(copied) || 0) - 1;
      if (other === undefined || other < 0) continue;
      nearOf.set(response, other + 1);
      mark('near-duplicate', rowWith(other));
    }
    const prompt = rows.prompt(row);
    if (prompt !== NO_PROMPT) {
      const shared = prompts.rowOf(prompt, 0);
      mark('shared-prompt', shared);
      const like = nearPrompts?.[prompt] ?? NO_OTHER;
      if (like !== NO_OTHER && shared === undefined) mark('near-prompt', prompts.rowOf(like, 0));
    }
    const kinds = LEAKS.filter((kind) => found.has(kind));
    if (kinds.length === 0) continue;
    for (const kind of kinds) counts[kind]++;
    leaks.push({ ...rows.place(row), kinds, of: rows.place(found.get(kinds[0]!)!) });
  }
  return { a: sides[0], b: sides[1], counts, leaks };
}

function ledgerOf(sketches: boolean) {
  const ledger = new Ledger(noModel(), { tau: DEFAULT_TAU, lambda: DEFAULT_LAMBDA, sketches });
  return { ledger, table: ledger.table };
}
