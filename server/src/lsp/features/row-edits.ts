import type { TextEdit } from 'vscode-languageserver';
import {
  csvDialect,
  DIALECT_BYTES,
  removeRows,
  swapPair,
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

/**
 * Two edits that exchange chosen and rejected, byte for byte. Undefined where the row is no pair, or
 * its text is no longer as it was read.
 */
export function swapEdits(audit: OpenAudit, entry: RowEntry): TextEdit[] | undefined {
  const row = audit.entries.data(entry);
  if (row === undefined) return undefined;
  const bytes = bytesAround(audit, entry, row);
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
