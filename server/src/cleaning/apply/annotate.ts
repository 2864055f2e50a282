import {
  type ByteEdit,
  csvDialect,
  DIALECT_BYTES,
  markAt,
  type ReadBytes,
  scanCsvRecord,
  type Writing,
} from '../../datasets/index.js';
import type { DatasetRow, Place } from '../../datasets/types.js';
import type { Annotation } from '../changes.js';

/** Shortest text that reads back as the same float32, as far as numbers are concerned. */
const rounded = (_: string, value: unknown): unknown =>
  typeof value === 'number'
    ? Number.isFinite(value)
      ? Number(value.toPrecision(9))
      : null
    : value;
const jsonOf = (value: unknown): string => JSON.stringify(value, rounded);

/**
 * The fields after those that a row's object has; undefined where the row is no object in one piece. Names
 * that the object has already get `qrm_` before them.
 */
export function annotateJson(
  row: DatasetRow,
  note: Annotation,
  columns: readonly (keyof Annotation)[],
  read: ReadBytes,
): ByteEdit | undefined {
  if (row.scattered === true) return undefined;
  const { start, end } = row.place;
  const bytes = read(start, end);
  if (bytes[0] !== 0x7b || bytes.at(-1) !== 0x7d) return undefined;
  let at = bytes.length - 1;
  while (at > 0 && /\s/.test(String.fromCharCode(bytes[at - 1]!))) at--;
  const held = bytes.toString('latin1');
  const fields = columns.map((name) => {
    const free = held.includes(`"${name}"`) ? `qrm_${name}` : name;
    return `"${free}": ${jsonOf(note[name] ?? null)}`;
  });
  const first = at === 1 || bytes[at - 1] === 0x2c;
  const text = `${first ? '' : ', '}${fields.join(', ')}`;
  return { start: start + at, end: start + at, bytes: Buffer.from(text) };
}

/** Columns after those of a table; every record gets them, that the table stays one. */
export class CsvAnnotator {
  private readonly notes = new Map<number, Annotation | undefined>();

  constructor(
    private readonly writing: Writing & { container: 'csv' | 'tsv' },
    private readonly read: ReadBytes,
    private readonly size: number,
    private readonly columns: readonly (keyof Annotation)[],
  ) {}

  row(place: Place, note: Annotation | undefined): void {
    this.notes.set(place.start, note);
  }

  /** @param removed edits that take records out: those need no columns */
  edits(removed: readonly ByteEdit[]): ByteEdit[] {
    const { read, size } = this;
    const gone = removed.filter((e) => e.bytes.length === 0);
    const head = read(0, DIALECT_BYTES);
    const { skip, delimiter, quotes } = csvDialect(
      head,
      this.writing.container,
      size <= head.length,
    );
    const mark = markAt(head, 0, head.length) ? 3 : 0;
    const edits: ByteEdit[] = [];
    let columns: number | undefined;
    let g = 0;
    let window = 1 << 16;
    for (let at = Math.max(skip, mark); at < size;) {
      const buf = read(at, at + window);
      const whole = at + buf.length >= size;
      const scan = scanCsvRecord(buf, delimiter, whole, quotes ?? true);
      if (scan.kind === 'more') {
        window *= 2;
        continue;
      }
      window = 1 << 16;
      if (scan.kind === 'bad') {
        // As the reader goes on: at the next line.
        const lf = buf.indexOf(10, scan.opening);
        at += lf < 0 ? buf.length : lf + 1;
        continue;
      }
      while (gone[g] !== undefined && gone[g]!.end <= at) g++;
      const dropped = gone[g] !== undefined && gone[g]!.start <= at && at < gone[g]!.end;
      const end = at + scan.end;
      if (scan.end > 0 && columns === undefined) {
        columns = scan.cells.length;
        const names = scan.cells.map((c) => buf.toString('utf8', c.start, c.end).trim());
        const own = this.columns.map((name) => (names.includes(name) ? `qrm_${name}` : name));
        edits.push({ start: end, end, bytes: this.cells(own, delimiter) });
      } else if (scan.end > 0 && !dropped && scan.cells.length === columns) {
        const note = this.notes.get(at);
        const cells = this.columns.map((name) => {
          const value = note?.[name];
          return value === undefined || value === null
            ? ''
            : typeof value === 'number'
              ? jsonOf(value)
              : jsonOf(value);
        });
        edits.push({ start: end, end, bytes: this.cells(cells, delimiter) });
      }
      at += scan.next;
    }
    return edits;
  }

  private cells(texts: readonly string[], delimiter: number): Buffer {
    const by = String.fromCharCode(delimiter);
    const quoted = texts.map((text) =>
      text.includes(by) || text.includes('"') ? `"${text.replaceAll('"', '""')}"` : text,
    );
    // A table without quotes has none in its lists of codes either.
    const written =
      'dialect' in this.writing && this.writing.dialect.quotes === false ? texts : quoted;
    return Buffer.from(written.map((text) => by + text).join(''));
  }
}
