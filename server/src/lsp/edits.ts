import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser/lib/esm/main.js';
import type { Position, Range, TextEdit } from 'vscode-languageserver';
import { scanCsvRecord } from '../datasets/csv.js';
import type { LineDocument } from './line-document.js';
import type { OpenAudit } from './open-audit.js';
import type { RowEntry } from './row-entry.js';

/** A row's text as it stands, and where its offsets are. */
class RowText {
  readonly text: string;
  private readonly starts: number[] = [];

  constructor(
    private readonly document: LineDocument,
    private readonly line: number,
    endLine: number,
  ) {
    let at = 0;
    const lines = document.lines.slice(line, endLine + 1);
    for (const l of lines) {
      this.starts.push(at);
      at += l.length;
    }
    this.text = lines.join('');
  }

  position(offset: number): Position {
    let n = this.starts.length - 1;
    while (n > 0 && (this.starts[n] ?? 0) > offset) n--;
    return { line: this.line + n, character: offset - (this.starts[n] ?? 0) };
  }

  range(from: number, to: number): Range {
    return { start: this.position(from), end: this.position(to) };
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Two edits that exchange what is written for chosen and rejected, byte for byte: the JSON values, or
 * the CSV cells with their quotes. Undefined where the row has no such two fields.
 */
export function swapEdits(audit: OpenAudit, entry: RowEntry): TextEdit[] | undefined {
  const row = new RowText(audit.document, entry.line, entry.endLine);
  const spans =
    audit.container === 'csv' || audit.container === 'tsv'
      ? csvSpans(audit, row)
      : jsonSpans(row, entry);
  if (spans === undefined) return undefined;
  const [a, b] = spans;
  const raw = (s: Span) => row.text.slice(s.from, s.to);
  return [
    { range: row.range(a.from, a.to), newText: raw(b) },
    { range: row.range(b.from, b.to), newText: raw(a) },
  ];
}

/** The row's own object: an array's row may share its lines with neighbours. */
function objectIn(row: RowText, entry: RowEntry): { node: Node; offset: number } | undefined {
  const place = entry.data?.place;
  const offset = place?.column ?? 0;
  const node = parseTree(row.text.slice(offset), [], { allowTrailingComma: true });
  return node?.type === 'object' ? { node, offset } : undefined;
}

function jsonSpans(row: RowText, entry: RowEntry): [Span, Span] | undefined {
  const found = objectIn(row, entry);
  const spans = ['chosen', 'rejected'].map((key): Span | undefined => {
    const node = found && lastProperty(found.node, key);
    if (node === undefined || found === undefined) return undefined;
    const from = found.offset + node.offset;
    return { from, to: from + node.length };
  });
  return spans[0] && spans[1] ? [spans[0], spans[1]] : undefined;
}

/** Of equal keys the last one holds, as in JSON.parse. */
function lastProperty(object: Node, key: string): Node | undefined {
  const named = (object.children ?? []).filter((p) => p.children?.[0]?.value === key);
  return named.at(-1)?.children?.[1] ?? findNodeAtLocation(object, [key]);
}

function csvSpans(audit: OpenAudit, row: RowText): [Span, Span] | undefined {
  const delimiter = audit.container === 'tsv' ? 9 : 44;
  const header = cells(headerText(audit), delimiter).map((c) => c.value.trim());
  const record = cells(row.text, delimiter);
  const spans = ['chosen', 'rejected'].map((name) => record[header.indexOf(name)]);
  return spans[0] && spans[1] ? [spans[0], spans[1]] : undefined;
}

/** The header with as many lines as its quoted names take. */
function headerText(audit: OpenAudit): string {
  const first = audit.entries.all()[0]?.line ?? 1;
  return audit.document.lines.slice(0, Math.max(1, first)).join('');
}

/** Cells of one record with their quotes, as offsets of UTF-16 units. */
function cells(text: string, delimiter: number): (Span & { value: string })[] {
  const buf = Buffer.from(text);
  const scan = scanCsvRecord(buf, delimiter, true);
  if (scan.kind !== 'record') return [];
  const units = (byte: number) => buf.toString('utf8', 0, byte).length;
  return scan.cells.map((c) => {
    const q = c.quoted ? 1 : 0;
    const value = buf.toString('utf8', c.start, c.end);
    return { from: units(c.start - q), to: units(c.end + q), value };
  });
}

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
  if (place === undefined || n < 0) return undefined;
  const start = { line: place.line, character: place.column };
  const end = { line: place.endLine, character: place.endColumn };
  const next = rows[n + 1]?.data?.place;
  const before = rows[n - 1]?.data?.place;
  // From its beginning to that of the next element, or from the end of the one before.
  if (next !== undefined)
    return {
      range: { start, end: { line: next.line, character: next.column } },
      newText: '',
    };
  if (before !== undefined)
    return {
      range: { start: { line: before.endLine, character: before.endColumn }, end },
      newText: '',
    };
  return { range: { start, end }, newText: '' };
}
