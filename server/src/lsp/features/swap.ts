import { parseTree, type Node } from 'jsonc-parser/lib/esm/main.js';
import type { TextEdit } from 'vscode-languageserver';
import { scanCsvRecord } from '../../datasets/csv-record.js';
import { csvDialect, DIALECT_BYTES, turnParts, type CsvDialect } from '../../datasets/index.js';
import type { LineDocument } from '../../live/text/line-document.js';
import type { Conversation, DatasetRow, Place } from '../../datasets/types.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import type { RowEntry } from '../../live/text/row-entry.js';
import { RowText, type Span } from './row-text.js';

/** How a row is written: what has to be known to find the values around its texts. */
export type RowForm =
  | { readonly kind: 'json'; /** Where the row's value begins. */ readonly from: number }
  | ({ readonly kind: 'csv' } & CsvForm);

/** The byte between cells, and whether quotes enclose them (as where not told). */
type CsvForm = Pick<CsvDialect, 'delimiter'> & Partial<Pick<CsvDialect, 'quotes'>>;

/**
 * Two edits that exchange chosen and rejected, byte for byte. Undefined where the row is no pair, or
 * its text is no longer as it was read.
 */
export function swapEdits(audit: OpenAudit, entry: RowEntry): TextEdit[] | undefined {
  const form = formOf(audit, entry);
  const row = audit.entries.data(entry);
  // Of a table by columns, each field stands elsewhere.
  if (row?.scattered === true) return undefined;
  const places = row && pairPlaces(row);
  if (form === undefined || places === undefined) return undefined;
  const text = new RowText(audit.document, entry.line, entry.endLine);
  const down = audit.entries.shift(entry);
  const [a, b] = places.map((p) => text.offset({ line: p.line + down, character: p.column })) as [
    number,
    number,
  ];
  const spans = exchangedSpans(text.text, form, a, b);
  if (spans === undefined) return undefined;
  const [one, two] = spans;
  const raw = (s: Span) => text.text.slice(s.from, s.to);
  return [
    { range: text.range(one), newText: raw(two) },
    { range: text.range(two), newText: raw(one) },
  ];
}

function formOf({ container, document }: OpenAudit, entry: RowEntry): RowForm | undefined {
  if (container === 'csv' || container === 'tsv')
    return { kind: 'csv', ...dialectOf(document, container) };
  // An array's row may share its lines with neighbours.
  if (container === 'jsonl') return { kind: 'json', from: 0 };
  return container === 'json' ? { kind: 'json', from: entry.data?.place.column ?? 0 } : undefined;
}

/** How a document's table is written, as its reader tells it. */
function dialectOf({ lines }: LineDocument, container: 'csv' | 'tsv'): CsvDialect {
  let head = '';
  let n = 0;
  while (n < lines.length && head.length <= DIALECT_BYTES) head += lines[n++]!;
  return csvDialect(Buffer.from(head), container, n === lines.length);
}

/** Where a text stands that only the chosen, and one that only the rejected conversation has. */
export function pairPlaces({ conversations }: DatasetRow): [Place, Place] | undefined {
  const of = (kind: Conversation['kind']) => conversations.find((c) => c.kind === kind);
  const [chosen, rejected] = [of('chosen'), of('rejected')];
  if (chosen === undefined || rejected === undefined) return undefined;
  const a = ownPlace(chosen, rejected);
  const b = ownPlace(rejected, chosen);
  return a && b && [a, b];
}

/** The response itself; an empty one has no place, so a turn beside it may have to do. */
function ownPlace(conversation: Conversation, other: Conversation): Place | undefined {
  const placesOf = ({ turns }: Conversation) =>
    turns.flatMap((turn) => turnParts(turn).slice(0, 1));
  const taken = new Set(placesOf(other).map(({ start }) => start));
  return placesOf(conversation).findLast(({ start }) => !taken.has(start));
}

/**
 * The two values to exchange, given a position inside each: of the smallest JSON value that holds both
 * positions the two members (so what belongs to a response goes with it), or two CSV cells with their
 * quotes. Names of fields and columns do not matter.
 */
export function exchangedSpans(
  text: string,
  form: RowForm,
  a: number,
  b: number,
): [Span, Span] | undefined {
  if (form.kind === 'csv') {
    const record = cells(text, form);
    const [one, two] = [a, b].map((at) => record.find((c) => c.from <= at && at <= c.to));
    return one && two && one !== two ? [one, two] : undefined;
  }
  const root = parseTree(text.slice(form.from), [], { allowTrailingComma: true });
  const [one, two] = apart(root, a - form.from, b - form.from) ?? [];
  const span = ({ offset, length }: Node): Span => ({
    from: form.from + offset,
    to: form.from + offset + length,
  });
  return one && two && [span(one), span(two)];
}

/** The members, one with each position, of the value where the ways to both part. */
function apart(node: Node | undefined, a: number, b: number): [Node, Node] | undefined {
  for (let at = node; at !== undefined;) {
    const members =
      at.type === 'object'
        ? (at.children ?? []).flatMap((property) => property.children?.[1] ?? [])
        : at.type === 'array'
          ? (at.children ?? [])
          : [];
    const holding = (offset: number) =>
      members.find((m) => m.offset <= offset && offset <= m.offset + m.length);
    const [one, two] = [holding(a), holding(b)];
    if (one === undefined || two === undefined) return undefined;
    if (one !== two) return [one, two];
    at = one;
  }
  return undefined;
}

/** Cells of one record with their quotes, as offsets of UTF-16 units. */
function cells(text: string, { delimiter, quotes }: CsvForm): Span[] {
  const buf = Buffer.from(text);
  const scan = scanCsvRecord(buf, delimiter, true, quotes);
  if (scan.kind !== 'record') return [];
  const units = (byte: number) => buf.toString('utf8', 0, byte).length;
  return scan.cells.map((c) => {
    const quote = c.quoted ? 1 : 0;
    return { from: units(c.start - quote), to: units(c.end + quote) };
  });
}
