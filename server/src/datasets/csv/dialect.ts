// How a table of text is written: what its name leaves open is told by its beginning.
import { CR, LF } from '../input/bytes.js';
import { scanCsvRecord } from './record.js';

export interface CsvDialect {
  readonly delimiter: number;
  /** Do quotes enclose cells? Undefined where no cell begins with one as far as was looked. */
  readonly quotes: boolean | undefined;
  /** Length of what stands before the header: a line that names the delimiter (`sep=;`, as Excel writes it), comments. */
  readonly skip: number;
}

/** How much of a file is looked at. */
export const DIALECT_BYTES = 256 * 1024;
const COMMA = 0x2c;
const TAB = 0x09;
const CANDIDATES = [COMMA, TAB, 0x3b, 0x7c];
const QUOTE = 0x22;

const COLUMNS =
  /^(?:system|prompt|chosen|rejected|response|completion|instruction|input|output|question|query|context|answer|messages|conversations?|text|completions|responses|generations|answers|history|winner|rejected_response|text_(?:chosen|rejected)|(?:human_ref|conversation)_[ab]|response[12]|(?:response|answer|completion|output)_[0-9a-d])$/;
/** Is it a name that a column of a data set has? */
export const isKnownColumn = (name: string): boolean =>
  COLUMNS.test(name.slice(0, 40).trim().toLowerCase());

/** Cells of the first records, over at most `max` of them; a record that cannot be read ends the list. */
function records(buf: Buffer, delimiter: number, max: number, whole: boolean): string[][] {
  const found: string[][] = [];
  for (let at = 0; at < buf.length && found.length < max;) {
    const rest = buf.subarray(at);
    const scan = scanCsvRecord(rest, delimiter, whole);
    if (scan.kind !== 'record') break;
    at += scan.next;
    if (scan.end === 0) continue;
    found.push(scan.cells.map((c) => rest.toString('utf8', c.start, c.end)));
  }
  return found;
}

function delimiterOf(buf: Buffer, named: number, whole: boolean): number {
  const order = [named, ...CANDIDATES.filter((c) => c !== named)];
  const first = order.map((delimiter) => {
    const [header = [], ...rest] = records(buf, delimiter, 6, whole);
    return { delimiter, header, rest, known: header.filter(isKnownColumn).length };
  });
  const most = Math.max(...first.map((c) => c.known));
  if (most > 0) return first.find((c) => c.known === most)!.delimiter;
  const even = first.find(
    ({ header, rest }) =>
      header.length > 1 && (rest.length === 0 || rest.some((r) => r.length === header.length)),
  );
  return even?.delimiter ?? named;
}

/**
 * Do quotes enclose cells in a table with tabs? Some writers quote as in CSV, others (text/tab-separated-values)
 * have no quotes, and a quote is a character like others. The reading with fewer records of another length
 * than the header's holds; and where every line is a whole record, no record goes over several lines.
 */
export function quotesEnclose(buf: Buffer, columns: number, whole: boolean): boolean | undefined {
  let lines = 0;
  let badLines = 0;
  let quoted = false;
  let cells = 1;
  let begun = true;
  for (let i = 0, from = 0; i <= buf.length; i++) {
    const b = i < buf.length ? buf[i]! : LF;
    if (i === buf.length && !whole) break;
    if (begun && b === QUOTE) quoted = true;
    begun = b === TAB;
    if (b === TAB) cells++;
    if (b !== LF && b !== CR) continue;
    if (i > from) {
      lines++;
      if (cells !== columns) badLines++;
    }
    from = i + 1;
    cells = 1;
    begun = true;
  }
  if (!quoted) return undefined;
  let bad = 0;
  let several = false;
  for (let at = 0; at < buf.length;) {
    const scan = scanCsvRecord(buf.subarray(at), TAB, whole);
    if (scan.kind === 'more') {
      // A line inside of it is there as a whole, and was looked at above.
      const lf = buf.indexOf(LF, at + scan.opening);
      several ||= lf >= 0 && buf.includes(LF, lf + 1);
      break;
    }
    if (scan.kind === 'record') {
      if (scan.end > 0 && scan.cells.length !== columns) bad++;
      several ||= buf.subarray(at, at + scan.end).includes(LF);
      at += scan.next;
      continue;
    }
    bad++;
    // Its line is read; the next one begins a record.
    const lf = buf.indexOf(LF, at + scan.opening);
    if (lf < 0) break;
    at = lf + 1;
  }
  return !(badLines < bad || (several && badLines === 0 && lines > 0));
}

const HASH = 0x23;

/**
 * Length of the comments before a header: lines that begin with # and hold no name of a column, where a header follows
 * that names one, or has more cells than they.
 */
function commentsOf(buf: Buffer, named: number, whole: boolean): number {
  let at = 0;
  const comments: string[] = [];
  while (buf[at] === HASH) {
    let end = at;
    while (end < buf.length && buf[end] !== LF && buf[end] !== CR) end++;
    if (end === buf.length) return 0;
    comments.push(buf.toString('utf8', at + 1, end));
    at = end;
    while (buf[at] === LF || buf[at] === CR) at++;
  }
  if (at === 0) return 0;
  const delimiter = delimiterOf(buf.subarray(at), named, whole);
  const cellsOf = (line: string) => line.split(String.fromCharCode(delimiter));
  if (comments.some((line) => cellsOf(line).some((cell) => isKnownColumn(cell.replace(/"/g, '')))))
    return 0;
  const [header = []] = records(buf.subarray(at), delimiter, 1, whole);
  const most = Math.max(...comments.map((line) => cellsOf(line).length));
  return header.some(isKnownColumn) || header.length > most ? at : 0;
}

/** @param buf the file's beginning without its byte order mark; @param whole it is the whole file */
export function csvDialect(buf: Buffer, container: 'csv' | 'tsv', whole: boolean): CsvDialect {
  const head = buf.length > DIALECT_BYTES ? buf.subarray(0, DIALECT_BYTES) : buf;
  const all = whole && head === buf;
  const line = /^(?:sep=([^\r\n])|"sep=([^\r\n])")(?:\r\n|\r|\n)/i.exec(
    head.toString('latin1', 0, 16),
  );
  const named = container === 'tsv' ? TAB : COMMA;
  const first = line?.[0].length ?? 0;
  const skip = first + commentsOf(head.subarray(first), named, all);
  const body = head.subarray(skip);
  const said = line && (line[1] ?? line[2])!.charCodeAt(0);
  const delimiter = said ?? delimiterOf(body, named, all);
  if (delimiter !== TAB) return { delimiter, quotes: true, skip };
  const header = scanCsvRecord(body, TAB, all);
  const columns = header.kind === 'record' ? header.cells.length : 1;
  // A writer that quotes the header quotes all.
  const quoted = header.kind === 'record' && header.cells.every((c) => c.quoted);
  return { delimiter, quotes: quoted || quotesEnclose(body, columns, all), skip };
}
