import { CR, LF, Locator, markAt } from './input/bytes.js';
import type { CsvDialect } from './csv/dialect.js';
import { scanCsvRecord } from './csv/record.js';
import type { Container } from './formats.js';
import { parseJson, type ValueNode } from './json/tree.js';
import { turnParts } from './places.js';
import { PlacedText } from './text.js';
import type { Conversation, DatasetRow, Place } from './types.js';

/** Bytes [start, end) of the (decompressed) file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What stands at [start, end) becomes `bytes`. Edits of one file do not overlap. */
export interface ByteEdit extends Span {
  readonly bytes: Uint8Array;
}

/** Bytes [from, to) of the file, cut at its beginning and its end. */
export type ReadBytes = (from: number, to: number) => Buffer;

/** A record of a file: its row, or where a record stands that gave none. */
export type RecordPlace = Pick<DatasetRow, 'place' | 'scattered'>;

const STEP = 256;
const isSpace = (b: number): boolean => b === 0x20 || b === LF || b === CR || b === 0x09;

/**
 * What to cut so that records are gone, with their line ends or commas, and all else is left: the byte
 * order mark, blank lines, the header.
 * @param run records to remove, one after another in the file's order (more than one, so that the last
 *   records of a list or of a file without a line end at its end can go together)
 * @param beside the records that stay before and after the run, where there are some
 * @returns spans in ascending order; undefined where the container cannot be edited as text, or a record
 *   does not stand in one piece (a table by columns)
 */
export function removeRows(
  container: Container,
  run: readonly RecordPlace[],
  beside: { readonly before?: RecordPlace | undefined; readonly after?: RecordPlace | undefined },
  read: ReadBytes,
): Span[] | undefined {
  if (run.some(({ scattered }) => scattered === true)) return undefined;
  switch (container) {
    case 'jsonl':
    case 'csv':
    case 'tsv':
      return removeLines(run, read);
    case 'json':
      return removeElements(run, beside, read);
    default:
      return undefined;
  }
}

/** Whole lines. The file's last line may have no end of its own: then the one before it goes. */
function removeLines(run: readonly RecordPlace[], read: ReadBytes): Span[] {
  const spans = joined(run.map(({ place }) => linesOf(place, read)));
  return spans.map(({ start, end }, n) => {
    if (n < spans.length - 1 || endsLine(read(end - 1, end))) return { start, end };
    return { start: start - lineEndBefore(start, read), end };
  });
}

const endsLine = (byte: Buffer): boolean => byte[0] === LF || byte[0] === CR;

function lineEndBefore(at: number, read: ReadBytes): number {
  const two = read(at - 2, at);
  if (!endsLine(two.subarray(-1))) return 0;
  return two.length === 2 && two[0] === CR && two[1] === LF ? 2 : 1;
}

/** The lines that a place touches, the last one with its end. */
function linesOf({ start, end }: Place, read: ReadBytes): Span {
  const from = lineStart(start, read);
  // Of a place that ends with a line's end, that is the last.
  if (end > start && endsLine(read(end - 1, end))) return { start: from, end };
  for (let to = end; ;) {
    const ahead = read(to, to + STEP);
    const at = ahead.findIndex((b) => b === LF || b === CR);
    if (at >= 0) {
      const [first, second] = read(to + at, to + at + 2);
      return { start: from, end: to + at + (first === CR && second === LF ? 2 : 1) };
    }
    to += ahead.length;
    if (ahead.length < STEP) return { start: from, end: to };
  }
}

/** The file's own byte order mark stands before its first line. */
function lineStart(at: number, read: ReadBytes): number {
  for (let from = at; ;) {
    const back = read(from - STEP, from);
    const begun = Math.max(back.lastIndexOf(LF), back.lastIndexOf(CR)) + 1;
    from -= back.length - begun;
    if (begun > 0) return from;
    if (back.length < STEP) return markAt(read(from, from + 3), 0, 3) ? from + 3 : from;
  }
}

/**
 * Elements of a list, or values after one another: from the beginning of one to that of the next which
 * stays, or from the end of the one before; not where another list begins between them.
 */
function removeElements(
  run: readonly RecordPlace[],
  { before, after }: { before?: RecordPlace | undefined; after?: RecordPlace | undefined },
  read: ReadBytes,
): Span[] {
  const spans: Span[] = [];
  for (let n = 0; n < run.length;) {
    let last = n;
    while (run[last + 1] && separates(run[last]!, run[last + 1]!, read)) last++;
    const { start } = run[n]!.place;
    const { end } = run[last]!.place;
    const next = last === run.length - 1 ? after : undefined;
    const previous = n === 0 ? before : undefined;
    if (next && separates(run[last]!, next, read)) spans.push({ start, end: next.place.start });
    else if (previous && separates(previous, run[n]!, read))
      spans.push({ start: previous.place.end, end });
    else spans.push({ start, end });
    n = last + 1;
  }
  return spans;
}

/** Is there nothing but white space and a comma between two records? */
function separates(a: RecordPlace, b: RecordPlace, read: ReadBytes): boolean {
  let commas = 0;
  for (let from = a.place.end; from < b.place.start; from += STEP) {
    for (const byte of read(from, Math.min(from + STEP, b.place.start)))
      if (!isSpace(byte) && (byte !== 0x2c || ++commas > 1)) return false;
  }
  return true;
}

function joined(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const span of spans) {
    const last = all.at(-1);
    if (last !== undefined && span.start <= last.end)
      all[all.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    else all.push(span);
  }
  return all;
}

/** How a file is written, as far as an exchange has to know it. */
export type Writing =
  | { readonly container: Exclude<Container, 'csv' | 'tsv'> }
  | {
      readonly container: 'csv' | 'tsv';
      readonly dialect: Pick<CsvDialect, 'delimiter'> & Partial<Pick<CsvDialect, 'quotes'>>;
    };

/**
 * The two spans to exchange so that chosen and rejected change places, byte for byte: of the smallest
 * JSON value that holds both the two members (so what belongs to a response goes with it), or two CSV
 * cells with their quotes. Names of fields and columns do not matter.
 * @returns in ascending order; undefined where the row is no pair, is not written as text in one piece, or
 *   its bytes are no longer as they were read
 */
export function swapPair(
  writing: Writing,
  row: DatasetRow,
  read: ReadBytes,
): readonly [Span, Span] | undefined {
  const { container } = writing;
  const written = ['jsonl', 'json', 'csv', 'tsv'].includes(container);
  const text = written ? pairPlaces(row) : undefined;
  if (text === undefined || row.scattered === true) return undefined;
  const { start, end } = row.place;
  const [a, b] = text.map((p) => ({ start: p.start - start, end: p.end - start })) as [Span, Span];
  const bytes = read(start, end);
  const found =
    'dialect' in writing ? apartInRecord(bytes, writing.dialect, a, b) : apartInJson(bytes, a, b);
  const [one, two] = (found ?? [])
    .map((span) => ({ start: start + span.start, end: start + span.end }))
    .sort((x, y) => x.start - y.start);
  return one && two && [one, two];
}

/** The edits that make a vote between two responses the contrary; undefined where it is not written as text. */
export function turnVote(
  vote: NonNullable<DatasetRow['vote']>,
): { place: Place; contrary: string }[] | undefined {
  // prettier-ignore
  const edits = vote.flatMap(({ place, contrary }) => (place === undefined ? [] : [{ place, contrary }])); // prettier-ignore
  return edits.length === vote.length
    ? edits.sort((a, b) => a.place.start - b.place.start)
    : undefined;
}

/** The edits that put what stands at one span to the other's place. */
export function exchange([one, two]: readonly [Span, Span], read: ReadBytes): ByteEdit[] {
  const [a, b] = [read(one.start, one.end), read(two.start, two.end)];
  return [
    { ...one, bytes: b },
    { ...two, bytes: a },
  ];
}

/** Where a text stands that only the chosen, and one that only the rejected conversation has. */
function pairPlaces({ conversations }: DatasetRow): readonly [Place, Place] | undefined {
  // Of several, nothing says which two are meant.
  if (conversations.length > 2) return undefined;
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
 * The members, one with each text, of the value where the ways to both part. Where those are of different kinds (a
 * list of messages beside a text), the texts themselves, where each is all of its string.
 */
function apartInJson(bytes: Buffer, a: Span, b: Span): readonly Span[] | undefined {
  let node: ValueNode | undefined;
  try {
    node = parseJson(new Locator(bytes, 0, bytes.length, { byte: 0, line: 0, column: 0 })).node;
  } catch {
    return undefined;
  }
  while (node !== undefined) {
    const one: ValueNode | undefined = memberAt(node, a.start);
    const two = memberAt(node, b.start);
    if (one === undefined || two === undefined) return undefined;
    if (one !== two) {
      if (one.kind === two.kind) return [spanOf(one)!, spanOf(two)!];
      const texts = [stringOf(one, a), stringOf(two, b)];
      return texts.every((span) => span !== undefined) ? texts : undefined;
    }
    node = one;
  }
  return undefined;
}

const membersOf = (node: ValueNode): readonly ValueNode[] =>
  node.kind === 'list' ? node.items : node.kind === 'record' ? [...node.fields.values()] : [];

const memberAt = (node: ValueNode, at: number): ValueNode | undefined =>
  membersOf(node).find((m) => {
    const span = spanOf(m);
    return span !== undefined && span.start <= at && at <= span.end;
  });

/** The string, with its quotes, that a text is all of. */
function stringOf(node: ValueNode, text: Span): Span | undefined {
  let here: ValueNode | undefined = node;
  while (here !== undefined && here.kind !== 'text') here = memberAt(here, text.start);
  const span = here && spanOf(here);
  const whole = span?.start === text.start - 1 && span.end === text.end + 1;
  return whole ? span : undefined;
}

/** A value as it is written, a string with its quotes. */
function spanOf(node: ValueNode): Span | undefined {
  if (node.kind === 'list' || node.kind === 'record') {
    const { start, end } = node;
    return start === undefined || end === undefined ? undefined : { start, end };
  }
  const text = node.kind === 'text' ? node : node.text;
  if (!(text instanceof PlacedText)) return undefined;
  const quote = node.kind === 'text' ? 1 : 0;
  return { start: text.from - quote, end: text.to + quote };
}

/** Two cells of one record, with their quotes. */
function apartInRecord(
  bytes: Buffer,
  { delimiter, quotes }: (Writing & { container: 'csv' | 'tsv' })['dialect'],
  a: Span,
  b: Span,
): readonly Span[] | undefined {
  const scan = scanCsvRecord(bytes, delimiter, true, quotes);
  if (scan.kind !== 'record') return undefined;
  const cells = scan.cells.map((cell) => {
    const quote = cell.quoted ? 1 : 0;
    return { start: cell.start - quote, end: cell.end + quote };
  });
  const [one, two] = [a, b].map(({ start }) =>
    cells.find((c) => c.start <= start && start <= c.end),
  );
  if (one === undefined || two === undefined || one === two) return undefined;
  // A list of messages does not change places with a text.
  const isJson = ({ start, end }: Span) => /^"?\s*[[{]/.test(bytes.toString('latin1', start, end));
  return isJson(one) === isJson(two) ? [one, two] : undefined;
}
