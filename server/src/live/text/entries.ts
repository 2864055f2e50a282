import { parseRow, type Container, type FieldMapping } from '../../datasets/index.js';
import { readDataset } from '../../datasets/process/index.js';
import type { DatasetEvent, DatasetProblem, DatasetRow, Place } from '../../datasets/types.js';
import type { LineChange, LineDocument } from './line-document.js';
import { Pacer, paced } from '../../pace.js';
import { lastAtOrAbove, RowEntry } from './row-entry.js';

/** A line longer than this is not parsed in the editor's loop. */
const MAX_LINE = 4 << 20;
const NOWHERE: Place = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };

/** The rows of an open document and how they follow its edits. */
export interface Entries {
  /** Reads what is not read yet; entries are given as they come, in file order. */
  sweep(signal: AbortSignal): AsyncGenerator<RowEntry>;
  /** Entries that touch the lines, read now if need be. */
  within(from: number, to: number): RowEntry[];
  at(line: number): RowEntry | undefined;
  /** The row's texts. */
  data(entry: RowEntry): DatasetRow | undefined;
  /** Lines to add to the places of an entry's row and problems. */
  shift(entry: RowEntry): number;
  /** All entries read so far, in file order, with line and row numbers up to date. */
  all(): RowEntry[];
  /** Problems of no row (an empty or unreadable file). */
  readonly loose: readonly DatasetProblem[];
  /** Rows in all as far as known, and those not read yet. */
  count(): { rows: number; unread: number };
  /** Gives the entries that are gone. */
  edit(change: LineChange): RowEntry[];
}

const split = (events: readonly DatasetEvent[]) => ({
  problems: events.flatMap((e) => (e.type === 'problem' ? [e.problem] : [])),
  row: events.flatMap((e) => (e.type === 'row' ? [e.row] : []))[0],
});

/** JSON Lines: a row is a line, so an edit costs its own lines. */
export class LineEntries implements Entries {
  readonly loose: readonly DatasetProblem[] = [];
  /** By line; null is a blank line, undefined one not read yet. */
  private entries: (RowEntry | null | undefined)[];
  private cursor = 0;
  private unread: number;
  private blank = 0;

  constructor(
    private readonly document: LineDocument,
    private readonly mapping?: FieldMapping,
  ) {
    this.entries = new Array<undefined>(document.lines.length).fill(undefined);
    this.unread = this.entries.length;
  }

  private events(line: number): DatasetEvent[] {
    const text = this.document.line(line);
    if (text.length <= MAX_LINE) return parseRow(text, 0, 0, this.mapping, 0);
    const message = `the line has ${text.length} characters; expected at most ${MAX_LINE} in the editor (the audit of the file on disk takes longer ones)`;
    return [
      {
        type: 'problem',
        problem: { index: 0, place: NOWHERE, code: 'oversized-row', message },
      },
    ];
  }

  private read(line: number): RowEntry | null {
    const known = this.entries[line];
    if (known !== undefined) return known;
    const { problems, row } = split(this.events(line));
    this.unread--;
    const blank = problems.length === 0 && row === undefined;
    if (blank) this.blank++;
    return (this.entries[line] = blank
      ? null
      : new RowEntry(line, line, 0, problems, undefined, row));
  }

  async *sweep(signal: AbortSignal): AsyncGenerator<RowEntry> {
    const pacer = new Pacer();
    for (this.cursor = 0; this.cursor < this.entries.length;) {
      const entry = this.read(this.cursor++);
      if (entry !== null) yield entry;
      // Edits come in only here, and move the cursor.
      await pacer.tick(signal);
    }
  }

  within(from: number, to: number): RowEntry[] {
    const found: RowEntry[] = [];
    for (let line = Math.max(0, from); line <= Math.min(to, this.entries.length - 1); line++) {
      const entry = this.read(line);
      if (entry !== null) {
        entry.line = line;
        found.push(entry);
      }
    }
    return found;
  }

  at(line: number): RowEntry | undefined {
    return this.within(line, line)[0];
  }

  data(entry: RowEntry): DatasetRow | undefined {
    return split(this.events(entry.line)).row;
  }

  shift(entry: RowEntry): number {
    return entry.line;
  }

  all(): RowEntry[] {
    const found: RowEntry[] = [];
    let row = 0;
    for (let line = 0; line < this.entries.length; line++) {
      const entry = this.entries[line];
      if (entry) {
        entry.line = line;
        entry.row = row;
        found.push(entry);
      }
      if (entry !== null) row++;
    }
    return found;
  }

  count() {
    return { rows: this.entries.length - this.unread - this.blank, unread: this.unread };
  }

  edit({ from, removed, added }: LineChange): RowEntry[] {
    const gone = this.entries.slice(from, from + removed);
    const fresh = new Array<undefined>(added).fill(undefined);
    if (added < 10_000) this.entries.splice(from, removed, ...fresh);
    else {
      const rest = this.entries.slice(from + removed);
      this.entries = this.entries.slice(0, from).concat(fresh, rest);
    }
    this.unread += added - gone.filter((e) => e === undefined).length;
    this.blank -= gone.filter((e) => e === null).length;
    this.cursor = Math.min(this.cursor, from);
    // Evaluations in flight read their row by its line.
    if (added !== removed)
      for (let line = from + added; line < this.entries.length; line++) {
        const entry = this.entries[line];
        if (entry) entry.line = line;
      }
    return gone.filter((e): e is RowEntry => e !== undefined && e !== null);
  }
}

/** Other text forms: a row may cover many lines, so an edit reads the whole document again. */
export class RecordEntries implements Entries {
  loose: DatasetProblem[] = [];
  private entries: RowEntry[] = [];
  private complete = false;
  private reading: Promise<void> = Promise.resolve();

  constructor(
    private readonly document: LineDocument,
    private readonly container: Container,
    private readonly name: string,
    private readonly mapping?: FieldMapping,
  ) {}

  /** One reading at a time: two would fill one list. */
  async *sweep(signal: AbortSignal): AsyncGenerator<RowEntry> {
    const before = this.reading;
    let end: () => void = () => undefined;
    this.reading = new Promise((resolve) => (end = resolve));
    try {
      await before;
      signal.throwIfAborted();
      yield* this.read(signal);
    } finally {
      end();
    }
  }

  private async *read(signal: AbortSignal): AsyncGenerator<RowEntry> {
    if (this.complete) {
      yield* this.entries;
      return;
    }
    const { document, mapping } = this;
    async function* stream() {
      yield* document.chunks();
    }
    const { revision } = document;
    this.entries = [];
    this.loose = [];
    let waiting: DatasetProblem[] = [];
    const source = { stream: stream(), name: this.name };
    for await (const event of paced(
      readDataset(source, { format: this.container, signal, ...(mapping && { mapping }) }),
      signal,
    )) {
      // An edit came: its own sweep reads the rest.
      if (document.revision !== revision) return;
      const entry = this.take(event, waiting);
      if (event.type === 'problem' && entry === undefined) {
        if (event.problem.index === undefined) this.loose.push(event.problem);
        else waiting.push(event.problem);
      } else waiting = [];
      if (entry !== undefined) yield entry;
    }
    for (const problem of waiting) yield this.push(problem.place, problem.index ?? 0, [problem]);
    this.complete = true;
  }

  /** Problems of a row come before it; those of a row that never comes make an entry of their own. */
  private take(event: DatasetEvent, waiting: DatasetProblem[]): RowEntry | undefined {
    if (event.type === 'row') {
      const mine = waiting.filter((p) => p.index === event.row.index);
      for (const p of waiting.filter((q) => q.index !== event.row.index)) {
        this.push(p.place, p.index ?? 0, [p]);
      }
      return this.push(event.row.place, event.row.index, mine, event.row);
    }
    return undefined;
  }

  private push(place: Place, row: number, problems: DatasetProblem[], data?: DatasetRow): RowEntry {
    const entry = new RowEntry(place.line, row, place.endLine - place.line, problems, data, data);
    this.entries.push(entry);
    return entry;
  }

  within(from: number, to: number): RowEntry[] {
    const first = Math.max(0, lastAtOrAbove(this.entries, from));
    const last = lastAtOrAbove(this.entries, to);
    return this.entries.slice(first, last + 1).filter((e) => e.endLine >= from);
  }

  at(line: number): RowEntry | undefined {
    return this.within(line, line)[0];
  }

  data(entry: RowEntry): DatasetRow | undefined {
    return entry.data;
  }

  shift(): number {
    return 0;
  }

  all(): RowEntry[] {
    return this.entries;
  }

  count() {
    return { rows: this.entries.length, unread: this.complete ? 0 : 1 };
  }

  edit(_change: LineChange): RowEntry[] {
    const gone = this.entries;
    this.entries = [];
    this.complete = false;
    return gone;
  }
}
