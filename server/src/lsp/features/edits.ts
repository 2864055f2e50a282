import type { Position, TextEdit } from 'vscode-languageserver';
import type { OpenAudit } from '../../live/text/open-audit.js';
import type { LineDocument } from '../../live/text/line-document.js';
import type { RowEntry } from '../../live/text/row-entry.js';
import { RowText } from './row-text.js';

/** The edit that takes a row out, with its line end or its comma, and leaves all else. */
export function deleteEdit(audit: OpenAudit, entry: RowEntry): TextEdit | undefined {
  const { document } = audit;
  if (audit.container === 'markdown') return undefined;
  if (audit.container === 'json') return deleteElement(audit, entry);
  const last = document.lines.length - 1;
  if (entry.endLine < last) {
    const end = { line: entry.endLine + 1, character: 0 };
    return { range: { start: { line: entry.line, character: 0 }, end }, newText: '' };
  }
  // The last line has no end of its own: the one before it goes.
  const start =
    entry.line > 0
      ? { line: entry.line - 1, character: document.line(entry.line - 1).length }
      : { line: 0, character: 0 };
  const end = { line: entry.endLine, character: document.line(entry.endLine).length };
  return { range: { start, end }, newText: '' };
}

function deleteElement(audit: OpenAudit, entry: RowEntry): TextEdit | undefined {
  const place = entry.data?.place;
  const rows = audit.entries.all();
  const n = rows.indexOf(entry);
  // Of a table by columns, each field stands elsewhere.
  if (place === undefined || n < 0 || entry.data?.scattered === true) return undefined;
  const { document } = audit;
  const start = { line: place.line, character: place.column };
  const end = { line: place.endLine, character: place.endColumn };
  const next = rows[n + 1]?.data?.place;
  const before = rows[n - 1]?.data?.place;
  // From its beginning to that of the next element, or from the end of the one before; not where another
  // list begins between them.
  if (next !== undefined) {
    const to = { line: next.line, character: next.column };
    if (isSeparator(document, end, to)) return { range: { start, end: to }, newText: '' };
  }
  if (before !== undefined) {
    const from = { line: before.endLine, character: before.endColumn };
    if (isSeparator(document, from, start)) return { range: { start: from, end }, newText: '' };
  }
  return { range: { start, end }, newText: '' };
}

/** Is there nothing but white space and a comma between two positions? */
function isSeparator(document: LineDocument, from: Position, to: Position): boolean {
  // Elements that stand so far apart have something between them.
  if (to.line - from.line > 1000) return false;
  const text = new RowText(document, from.line, to.line);
  return /^\s*,?\s*$/.test(text.text.slice(text.offset(from), text.offset(to)));
}
