import type { TextEdit } from 'vscode-languageserver';
import {
  csvDialect,
  DIALECT_BYTES,
  removeRows,
  swapPair,
  turnVote,
  type RecordPlace,
  type Writing,
} from '../../datasets/index.js';
import type { LineDocument } from '../../live/text/line-document.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import type { RowEntry } from '../../live/text/row-entry.js';
import { DocumentBytes } from './document-bytes.js';

/** The edit that takes a row out, with its line end or its comma, and leaves all else. */
export function deleteEdit(audit: OpenAudit, entry: RowEntry): TextEdit | undefined {
  const { container, entries } = audit;
  const record = recordOf(entry);
  // Of a value that is no row nobody knows where it ends.
  if (record === undefined || (container === 'json' && entry.data === undefined)) return undefined;
  const rows = container === 'json' ? entries.all() : [];
  const n = rows.indexOf(entry);
  if (container === 'json' && n < 0) return undefined;
  const bytes = bytesAround(audit, entry, record);
  const beside = { before: rows[n - 1]?.data, after: rows[n + 1]?.data };
  const spans = removeRows(container, [record], beside, bytes.read);
  return spans?.[0] && { range: bytes.range(spans[0]), newText: '' };
}

/** The edits that take rows out, given in the text's order; those that cannot be taken out stay. */
export function deleteEdits(audit: OpenAudit, rows: readonly RowEntry[]): TextEdit[] {
  const { container, entries } = audit;
  if (container !== 'json') return merged(rows.flatMap((entry) => deleteEdit(audit, entry) ?? []));
  // Neighbours in a list share a comma: a run of them goes together.
  const all = entries.all();
  const order = new Map(all.map((entry, n) => [entry, n]));
  const edits: TextEdit[] = [];
  for (let at = 0; at < rows.length;) {
    const first = order.get(rows[at]!)!;
    let count = 1;
    while (rows[at + count] !== undefined && order.get(rows[at + count]!) === first + count)
      count++;
    const run = rows.slice(at, at + count).map(recordOf);
    at += count;
    if (run.some((r) => r === undefined) || all.slice(first, first + count).some((e) => e.data === undefined)) continue; // prettier-ignore
    const bytes = bytesAround(audit, all[first]!, run[0]!);
    const beside = { before: all[first - 1]?.data, after: all[first + count]?.data };
    for (const span of removeRows(container, run as RecordPlace[], beside, bytes.read) ?? [])
      edits.push({ range: bytes.range(span), newText: '' });
  }
  return edits;
}

/** Where the last line has no end, its edit takes that of the line before, which goes itself perhaps. */
function merged(edits: readonly TextEdit[]): TextEdit[] {
  const all: TextEdit[] = [];
  for (const edit of edits) {
    const last = all.at(-1);
    const before = (a: TextEdit['range']['start'], b: TextEdit['range']['start']) =>
      a.line < b.line || (a.line === b.line && a.character < b.character);
    if (last !== undefined && before(edit.range.start, last.range.end))
      all[all.length - 1] = {
        range: { start: last.range.start, end: edit.range.end },
        newText: '',
      };
    else all.push(edit);
  }
  // The line before the first of them stays, and its end must go where nothing follows.
  return all;
}

/**
 * Two edits that exchange chosen and rejected, byte for byte. Undefined where the row is no pair, or
 * its text is no longer as it was read.
 */
export function swapEdits(audit: OpenAudit, entry: RowEntry): TextEdit[] | undefined {
  const row = audit.entries.data(entry);
  if (row === undefined) return undefined;
  const bytes = bytesAround(audit, entry, row);
  // A field of its own says which one is better: that is turned.
  if (row.vote !== undefined)
    return turnVote(row.vote)?.map(({ place, contrary }) => ({
      range: bytes.range(place),
      newText: contrary,
    }));
  const spans = swapPair(writingOf(audit), row, bytes.read);
  if (spans === undefined) return undefined;
  const [one, two] = spans.map((span) => bytes.range(span)) as [
    TextEdit['range'],
    TextEdit['range'],
  ];
  return [
    { range: one, newText: audit.document.slice(two) },
    { range: two, newText: audit.document.slice(one) },
  ];
}

/** Where a row stands that is kept, or what is wrong with it; a line of JSON Lines counts from itself. */
function recordOf({ data, problems }: RowEntry): RecordPlace | undefined {
  const place = data?.place ?? problems[0]?.place ?? LINE;
  return { place, ...(data?.scattered && { scattered: true }) };
}
const LINE = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };

function bytesAround(audit: OpenAudit, entry: RowEntry, { place }: RecordPlace): DocumentBytes {
  const line = place.line + audit.entries.shift(entry);
  return new DocumentBytes(audit.document, { line, character: place.column }, place.start);
}

function writingOf({ container, document }: OpenAudit): Writing {
  return container === 'csv' || container === 'tsv'
    ? { container, dialect: dialectOf(document, container) }
    : { container };
}

/** How a document's table is written, as its reader tells it. */
function dialectOf({ lines }: LineDocument, container: 'csv' | 'tsv') {
  let head = '';
  let n = 0;
  while (n < lines.length && head.length <= DIALECT_BYTES) head += lines[n++]!;
  return csvDialect(Buffer.from(head), container, n === lines.length);
}
