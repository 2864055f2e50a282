import { Locator, markAt } from '../input/bytes.js';
import { csvDialect, DIALECT_BYTES, quotesEnclose } from './dialect.js';
import { scanCsvRecord, type Cell } from './record.js';
import type { RecordOptions } from '../record.js';
import type { ValueNode } from '../json/tree.js';
import { between, oversized, problem, rowEvents, STRAY, utf8Problem } from '../record.js';
import { PlacedText } from '../text.js';
import type { DatasetEvent } from '../types.js';
import type { ByteWindow } from '../input/window.js';

const TAB = 0x09;
const NAMES: ReadonlyMap<number, string> = new Map([
  [TAB, 'tab'],
  [0x2c, 'comma'],
  [0x3b, 'semicolon'],
]);

/** A table with a header line. Its delimiter and quotes are told by its beginning, then by its name. */
export async function* readCsv(
  w: ByteWindow,
  container: 'csv' | 'tsv',
  o: RecordOptions,
): AsyncGenerator<DatasetEvent> {
  while (w.size < DIALECT_BYTES && (await w.fill()));
  const dialect = csvDialect(w.view(w.size).buf, container, w.eof);
  w.advance(dialect.skip);
  yield* new CsvReader(w, dialect.delimiter, dialect.quotes, o).events();
}

class CsvReader {
  private header: readonly string[] | undefined;
  private index = 0;
  private rows = 0;

  constructor(
    private readonly w: ByteWindow,
    private readonly delimiter: number,
    private quotes: boolean | undefined,
    private readonly o: RecordOptions,
  ) {}

  async *events(): AsyncGenerator<DatasetEvent> {
    const { w, o } = this;
    let tried = 0;
    for (;;) {
      // Not again before the record's bytes have doubled: else a long record costs a scan for each chunk.
      if (w.size < tried * 2 && (await w.fill())) continue;
      if (w.size === 0 && !(await w.fill())) break;
      if (w.buf[w.start] === 0xef && tried === 0) yield* this.mark();
      const { buf, origin } = w.view(w.size);
      let scan = scanCsvRecord(buf, this.delimiter, w.eof, this.quotes ?? true);
      if (
        this.quotes === undefined &&
        (scan.kind !== 'record' || scan.cells.some((c) => c.quoted))
      ) {
        // The first quote: what follows tells what quotes are here.
        if (w.size < DIALECT_BYTES && (await w.fill())) continue;
        const ahead = buf.subarray(0, DIALECT_BYTES);
        const columns = this.header?.length ?? 1;
        this.quotes = quotesEnclose(ahead, columns, w.eof && ahead.length === buf.length);
        if (this.quotes === false) continue;
      }
      if (scan.kind === 'more') {
        tried = Math.min(buf.length, o.maxRowBytes);
        if (buf.length <= o.maxRowBytes) {
          await w.fill();
          continue;
        }
        const line = w.lineEnd(scan.opening);
        if (line === undefined || line.at > o.maxRowBytes) {
          yield* this.oversized();
          tried = 0;
          continue;
        }
        // A quote that opens nothing is likelier than a cell of such a size.
        const message = `this quoted cell is not closed within ${o.maxRowBytes} bytes (maxRowBytes); expected a closing quote`;
        scan = { kind: 'bad', at: scan.opening, opening: scan.opening, message, truncated: true };
      }
      tried = 0;
      if (scan.kind === 'bad') {
        const line = w.lineEnd(scan.opening);
        if (line === undefined && (await w.fill())) continue;
        const end = line?.at ?? w.size;
        const literal = this.delimiter === TAB ? this.literal(buf.subarray(0, end)) : undefined;
        const to = Math.max(end, Math.min(buf.length, scan.at + 4)); // the whole character at `at`
        const locator = new Locator(buf.subarray(0, to), 0, to, origin);
        const code = scan.truncated ? 'truncated-line' : 'malformed-row';
        if (literal === undefined) {
          yield problem(this.index++, locator.char(scan.at), code, scan.message);
        } else {
          const message = `${scan.message}; the quotes of this line are taken as they stand`;
          yield problem(this.index, locator.char(scan.at), 'stray-text', message);
          const line = new Locator(buf.subarray(0, end), 0, end, origin);
          for (const event of this.record(line, literal)) yield event;
        }
        w.advance(line?.next ?? w.size);
        continue;
      }
      const record = buf.subarray(0, scan.end);
      if (!this.blank(record, scan.cells)) {
        const locator = new Locator(record, 0, scan.end, origin);
        if (this.header === undefined) yield* this.head(locator, scan.cells);
        else if (scan.end > o.maxRowBytes)
          yield oversized(this.index++, locator.place(0, scan.end), o.maxRowBytes);
        else for (const event of this.record(locator, scan.cells)) yield event;
      }
      // Only quotes hold line ends of their own.
      if (scan.next > scan.end && !scan.cells.some((c) => c.quoted)) w.advanceLine(scan.next);
      else w.advance(scan.next);
    }
    if (this.header !== undefined && this.rows === 0) {
      const at = w.position();
      const message = 'the file holds a header and no records; expected a record a line after it';
      yield problem(undefined, between(at, at), 'empty-file', message);
    }
  }

  /** A byte order mark where a record begins: files were joined. */
  private async *mark(): AsyncGenerator<DatasetEvent> {
    const { w } = this;
    while (w.size < 3 && (await w.fill()));
    if (!markAt(w.buf, w.start, w.end)) return;
    const { buf, origin } = w.view(3);
    const index = this.header === undefined ? undefined : this.index;
    yield problem(index, new Locator(buf, 0, 3, origin).char(0), 'stray-text', STRAY.mark);
    w.advance(3);
  }

  private async *oversized(): AsyncGenerator<DatasetEvent> {
    const { w, o } = this;
    const from = w.position();
    w.drop(o.maxRowBytes);
    // Nothing tells where the next record begins but a line end.
    await w.dropLine();
    this.rows++;
    yield oversized(this.index++, between(from, w.position()), o.maxRowBytes);
    w.advanceLineEnd();
  }

  /** No record: an empty line, or one of white space where a record has several cells. */
  private blank(record: Buffer, cells: readonly Cell[]): boolean {
    if (cells.length > 1 || this.header?.length === 1) return record.length === 0;
    return record.every((b) => b === 0x20 || b === TAB);
  }

  /** The line's cells with quotes as they stand, where they are as many as the header's. */
  private literal(line: Buffer): readonly Cell[] | undefined {
    const scan = scanCsvRecord(line, this.delimiter, true, false);
    const fits = scan.kind === 'record' && scan.next === line.length;
    return fits && scan.cells.length === this.header?.length ? scan.cells : undefined;
  }

  private *head(locator: Locator, cells: readonly Cell[]): Generator<DatasetEvent> {
    const header = cells.map((c) =>
      new PlacedText(locator, c.start, c.end, c.quoted ? 'csv' : 'raw').value.trim(),
    );
    this.header = header;
    const seen = new Set<string>();
    for (const [i, name] of header.entries()) {
      const cell = cells[i]!;
      if (name !== '' && seen.has(name))
        yield problem(
          undefined,
          locator.place(cell.start, cell.end),
          'duplicate-key',
          `the column '${name.slice(0, 80)}' stands twice in the header; the last one is read. Expected each name once`,
        );
      seen.add(name);
    }
    const bad = utf8Problem(undefined, locator);
    if (bad !== undefined) yield bad;
  }

  private *record(locator: Locator, cells: readonly Cell[]): Generator<DatasetEvent> {
    const header = this.header!;
    const index = this.index++;
    this.rows++;
    const place = locator.place(0, locator.to);
    if (cells.length !== header.length) {
      const by = NAMES.get(this.delimiter) ?? `'${String.fromCharCode(this.delimiter)}'`;
      const names = header.slice(0, 8).map((name) => name.slice(0, 40));
      const message = `the row has ${cells.length} cells (by ${by}); expected ${header.length} as in the header (${names.join(', ')})`;
      yield problem(index, place, 'malformed-row', message);
      return;
    }
    const nul = locator.buf.indexOf(0);
    if (nul >= 0) {
      const message = 'found a NUL byte, expected text (the file may be damaged)';
      yield problem(index, locator.char(nul), 'malformed-row', message);
      return;
    }
    const bad = utf8Problem(index, locator);
    if (bad !== undefined) yield bad;
    const fields = new Map<string, ValueNode>();
    let again = header.length > 1;
    for (const [i, cell] of cells.entries()) {
      const text = new PlacedText(locator, cell.start, cell.end, cell.quoted ? 'csv' : 'raw');
      again &&= text.value.trim() === header[i];
      fields.set(header[i]!, text);
    }
    if (again) {
      const message =
        'the header stands here again; it is no row. Expected one at the beginning of the file only (were files joined?)';
      yield problem(index, place, 'stray-text', message);
      return;
    }
    yield* rowEvents(index, place, { kind: 'record', fields }, this.o);
  }
}
