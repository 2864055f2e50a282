// csv-parse reports the bytes of a record, not of its cells, and unquotes in the same pass; a place
// inside a cell needs where its content begins and whether quotes are doubled. Hence a tokenizer.
import { CR, LF, Locator } from './bytes.js';
import type { RecordOptions } from './json-readers.js';
import type { ValueNode } from './json-tree.js';
import { nodeOfValue } from './plain-values.js';
import { between, oversized, problem, rowEvent, utf8Problem } from './record.js';
import { PlacedText } from './text.js';
import type { DatasetEvent } from './types.js';
import type { ByteWindow } from './window.js';

const QUOTE = 0x22;

interface Cell {
  /** Content, inside the quotes. */
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

type Scan =
  | {
      readonly kind: 'record';
      readonly cells: readonly Cell[];
      readonly end: number;
      readonly next: number;
    }
  /** `at`: the offending byte; `resume`: where to look for the next record. */
  | {
      readonly kind: 'bad';
      readonly at: number;
      readonly message: string;
      readonly resume: number;
      readonly truncated: boolean;
    }
  | { readonly kind: 'more' };

/** After the line that holds `at`. */
function lineAfter(buf: Buffer, at: number): number {
  const lf = buf.indexOf(LF, at);
  return lf < 0 ? buf.length : lf + 1;
}

/** One record at the beginning of `buf` (RFC 4180, any of the three line ends). */
export function scanCsvRecord(buf: Buffer, delimiter: number, final: boolean): Scan {
  const cells: Cell[] = [];
  const to = buf.length;
  let i = 0;
  for (;;) {
    const opening = i;
    const quoted = buf[i] === QUOTE && i < to;
    let start = i;
    let end: number;
    if (quoted) {
      start = ++i;
      for (;;) {
        i = buf.indexOf(QUOTE, i);
        if (i < 0 || (i + 1 >= to && !final)) {
          if (!final) return { kind: 'more' };
          return {
            kind: 'bad',
            at: opening,
            message: 'this quoted cell is never closed; expected a closing quote',
            resume: lineAfter(buf, opening),
            truncated: true,
          };
        }
        if (i + 1 < to && buf[i + 1] === QUOTE) i += 2;
        else break;
      }
      end = i++;
    } else {
      while (i < to && buf[i] !== delimiter && buf[i] !== LF && buf[i] !== CR) i++;
      end = i;
    }
    if (i >= to && !final) return { kind: 'more' };
    cells.push({ start, end, quoted });
    const b = i < to ? buf[i]! : -1;
    if (b === delimiter) {
      i++;
      continue;
    }
    if (b === CR && i + 1 >= to && !final) return { kind: 'more' };
    if (b === -1 || b === LF || b === CR) {
      const next = b === -1 ? i : b === CR && buf[i + 1] === LF ? i + 2 : i + 1;
      return { kind: 'record', cells, end: i, next };
    }
    const rest = lineAfter(buf, opening);
    if (rest >= to && buf[to - 1] !== LF && !final) return { kind: 'more' };
    return {
      kind: 'bad',
      at: i,
      message:
        'text after the closing quote of a cell; expected the delimiter or the line end (a quote inside a cell is doubled)',
      resume: rest,
      truncated: false,
    };
  }
}

/** CSV or TSV with a header line. A cell that holds a JSON list or object is read as such. */
export async function* readCsv(
  w: ByteWindow,
  delimiter: number,
  o: RecordOptions,
): AsyncGenerator<DatasetEvent> {
  let header: string[] | undefined;
  let index = 0;
  let tried = 0;
  for (;;) {
    // Not again before the record's bytes have doubled: else a long record costs a scan for each chunk.
    if (w.size < tried * 2 && (await w.fill())) continue;
    if (w.size === 0 && !(await w.fill())) return;
    const { buf, origin } = w.view(w.size);
    const scan = scanCsvRecord(buf, delimiter, w.eof);
    if (scan.kind === 'more') {
      tried = Math.min(buf.length, o.maxRowBytes);
      if (buf.length <= o.maxRowBytes) {
        await w.fill();
        continue;
      }
      // Nothing tells where the next record begins but a line end.
      for (let at = w.indexOfLf(o.maxRowBytes); ; at = w.indexOfLf(0)) {
        w.drop(at < 0 ? w.size : at);
        if (at >= 0 || !(await w.fill())) break;
      }
      yield oversized(index++, between(origin, w.position()), o.maxRowBytes);
      w.advance(Math.min(1, w.size));
      tried = 0;
      continue;
    }
    tried = 0;
    if (scan.kind === 'bad') {
      const locator = new Locator(
        buf.subarray(0, Math.max(scan.resume, scan.at + 1)),
        0,
        scan.resume,
        origin,
      );
      const code = scan.truncated ? 'truncated-line' : 'malformed-row';
      yield problem(index++, locator.place(scan.at, scan.at + 1), code, scan.message);
      w.advance(scan.resume);
      continue;
    }
    const record = buf.subarray(0, scan.end);
    const locator = new Locator(record, 0, scan.end, origin);
    const blank = scan.cells.length === 1 && scan.end === 0;
    if (header === undefined && !blank) {
      header = scan.cells.map((c) =>
        new PlacedText(locator, c.start, c.end, c.quoted ? 'csv' : 'raw').value.trim(),
      );
      const twice = header.findIndex((name, i) => header!.indexOf(name) < i);
      if (twice >= 0) {
        const cell = scan.cells[twice]!;
        yield problem(
          undefined,
          locator.place(cell.start, cell.end),
          'duplicate-key',
          `the column '${header[twice]}' stands twice in the header; the last one is read`,
        );
      }
    } else if (header !== undefined && !blank) {
      if (scan.end > o.maxRowBytes)
        yield oversized(index, locator.place(0, scan.end), o.maxRowBytes);
      else yield* csvEvents(locator, scan.cells, header, index, o);
      index++;
    }
    w.advance(scan.next);
  }
}

function csvEvents(
  locator: Locator,
  cells: readonly Cell[],
  header: readonly string[],
  index: number,
  o: RecordOptions,
): DatasetEvent[] {
  const place = locator.place(0, locator.to);
  if (cells.length !== header.length) {
    const message = `the row has ${cells.length} cells; expected ${header.length} as in the header (${header.slice(0, 8).join(', ')})`;
    return [problem(index, place, 'malformed-row', message)];
  }
  const nul = locator.buf.indexOf(0);
  if (nul >= 0) {
    return [
      problem(
        index,
        locator.place(nul, nul + 1),
        'malformed-row',
        'found a NUL byte, expected text (the file may be damaged)',
      ),
    ];
  }
  const bad = utf8Problem(index, locator);
  const fields = new Map<string, ValueNode>();
  for (const [i, cell] of cells.entries()) {
    const text = new PlacedText(locator, cell.start, cell.end, cell.quoted ? 'csv' : 'raw');
    const first = locator.buf[cell.start];
    // An empty cell is an absent value: CSV has no null.
    if (cell.end > cell.start)
      fields.set(header[i]!, first === 0x5b || first === 0x7b ? jsonCell(text) : text);
  }
  const row = rowEvent(index, place, { kind: 'record', fields }, o.mapping);
  return bad === undefined ? [row] : [bad, row];
}

/** Lists and objects written as JSON in a cell; any other text as it is. */
function jsonCell(text: PlacedText): ValueNode {
  try {
    const node = nodeOfValue(JSON.parse(text.value), text.place());
    return node.kind === 'list' || node.kind === 'record' ? node : text;
  } catch {
    return text;
  }
}
