import {
  exchange,
  removeRows,
  swapPair,
  turnVote,
  type ByteEdit,
  type Container,
  type ReadBytes,
  type RecordPlace,
  type Writing,
} from '../../datasets/index.js';
import type { DatasetEvent, DatasetRow, Place } from '../../datasets/types.js';
import { annotateJson, CsvAnnotator } from './annotate.js';
import { ANNOTATIONS, type FilePlan, type Unchanged } from '../changes.js';

const COMMA = 0x2c;
const VALUE = new Set([0x7b, 0x5b, 0x22]);
const isSpace = (b: number | undefined): boolean => b === 0x20 || b === 9 || b === 10 || b === 13;

export interface TextEdits {
  /** In ascending order, apart from one another. */
  readonly edits: ByteEdit[];
  /** Rows that were to be changed and are not. */
  readonly unchanged: Unchanged[];
  /** Zero-based lines of the changed rows. */
  readonly lines: Map<number, number>;
  /** Records of the file: rows, and those that are none. */
  readonly records: number;
}

/**
 * The edits that make a plan of a text file, in one reading.
 * @param events of the file, by any reader; @param part only rows of this part stay, where there are parts
 */
export async function textEdits(
  events: AsyncIterable<DatasetEvent>,
  writing: Writing,
  plan: FilePlan,
  read: ReadBytes,
  size: number,
  part?: number,
): Promise<TextEdits> {
  const edits: ByteEdit[] = [];
  const unchanged: Unchanged[] = [];
  const lines = new Map<number, number>();
  const { container } = writing;
  const { columns = ANNOTATIONS } = plan;
  const csv =
    plan.annotate && 'dialect' in writing
      ? new CsvAnnotator(writing, read, size, columns)
      : undefined;
  let run: { record: RecordPlace; row: number }[] = [];
  let records = 0;
  let last = -1;
  const flush = (): void => {
    for (const group of groups(run, container, read)) {
      const places = group.map(({ record }) => record);
      const spans = removeRows(container, places, neighbours(places, container, read, size), read);
      if (spans === undefined)
        for (const { row } of group)
          unchanged.push({ row, why: 'it does not stand in one piece in its file' });
      else for (const span of spans) edits.push({ ...span, bytes: Buffer.alloc(0) });
    }
    run = [];
  };
  for await (const event of events) {
    const index = event.type === 'row' ? event.row.index : event.problem.index;
    if (index === undefined) continue;
    if (index !== last) records++;
    const change = plan.changes.get(index);
    const elsewhere = part !== undefined && plan.partOf?.(index) !== part;
    if (change?.action === 'remove' || elsewhere) {
      if (event.type === 'problem' && !isLost(event.problem.code)) continue;
      const { place } = event.type === 'row' ? event.row : event.problem;
      if (change !== undefined) lines.set(index, place.line);
      const record = event.type === 'row' ? event.row : { place };
      if (event.type === 'problem' && container === 'json')
        unchanged.push({ row: index, why: 'where it ends is not known, for it is malformed' });
      else run.push({ record, row: index });
      last = index;
      continue;
    }
    last = index;
    flush();
    if (event.type !== 'row') continue;
    const { row } = event;
    const own: ByteEdit[] = [];
    if (change?.action === 'swap') {
      lines.set(index, row.place.line);
      const swapped = swapEdits(writing, row, read);
      if (swapped === undefined)
        unchanged.push({ row: index, why: 'its chosen and rejected cannot be exchanged as text' });
      else own.push(...swapped);
    }
    const note = plan.annotate?.(index);
    if (note !== undefined && csv === undefined) {
      const added = annotateJson(row, note, columns, read);
      if (added === undefined)
        unchanged.push({ row: index, why: 'it is no JSON object that could take more fields' });
      else own.push(added);
    }
    if (csv !== undefined) csv.row(row.place, note);
    edits.push(...own.sort((a, b) => a.start - b.start));
  }
  flush();
  if (csv === undefined) return { edits, unchanged, lines, records };
  const added = csv.edits(edits);
  return {
    edits: [...edits, ...added].sort((a, b) => a.start - b.start),
    unchanged,
    lines,
    records,
  };
}

/** Problems that cost their record. */
const isLost = (code: string): boolean =>
  /^(?:malformed-row|truncated-line|oversized-row|missing-field)$/.test(code);

/** The edits that make the rejected response the chosen one: of the field that says so, where there is one. */
export function swapEdits(
  writing: Writing,
  row: DatasetRow,
  read: ReadBytes,
): ByteEdit[] | undefined {
  if (row.vote !== undefined)
    return turnVote(row.vote)?.map(({ place: { start, end }, contrary }) => ({
      start,
      end,
      bytes: Buffer.from(contrary),
    }));
  const spans = swapPair(writing, row, read);
  return spans && exchange(spans, read);
}

/** Runs of records between which nothing stands. */
function groups<T extends { record: RecordPlace }>(
  run: readonly T[],
  container: Container,
  read: ReadBytes,
): T[][] {
  const all: T[][] = [];
  for (const item of run) {
    const before = all.at(-1)?.at(-1)?.record.place;
    const joined =
      before !== undefined &&
      (container !== 'json' ||
        nextValue(before.end, item.record.place.start, read) === item.record.place.start);
    if (joined) all.at(-1)!.push(item);
    else all.push([item]);
  }
  return all;
}

/** Where the next value begins after an end, over white space and one comma; undefined where none does. */
function nextValue(end: number, limit: number, read: ReadBytes): number | undefined {
  let commas = 0;
  for (let at = end; at <= limit; at++) {
    const [b] = read(at, at + 1);
    if (b === undefined) return undefined;
    if (isSpace(b)) continue;
    if (b === COMMA && commas++ === 0) continue;
    return VALUE.has(b) || (b >= 0x2d && b <= 0x39) || (b >= 0x61 && b <= 0x7a) ? at : undefined;
  }
  return undefined;
}

const spot = (start: number, end: number): Place => ({
  line: 0,
  column: 0,
  endLine: 0,
  endColumn: 0,
  start,
  end,
});

/** What stays around a run in JSON, told by its bytes alone: who stays there may be no row. */
function neighbours(
  run: readonly RecordPlace[],
  container: Container,
  read: ReadBytes,
  size: number,
): { before?: RecordPlace; after?: RecordPlace } {
  const [first, last] = [run[0]?.place, run.at(-1)?.place];
  if (container !== 'json' || first === undefined || last === undefined) return {};
  const next = nextValue(last.end, size, read);
  if (next !== undefined) return { after: { place: spot(next, next) } };
  let at = first.start - 1;
  while (at >= 0 && isSpace(read(at, at + 1)[0])) at--;
  if (at < 0 || read(at, at + 1)[0] !== COMMA) return {};
  at--;
  while (at >= 0 && isSpace(read(at, at + 1)[0])) at--;
  return { before: { place: spot(at + 1, at + 1) } };
}

/** The pieces of the file after its edits. */
export function* applied(
  edits: readonly ByteEdit[],
  read: ReadBytes,
  size: number,
): Generator<Buffer> {
  const STEP = 1 << 20;
  let at = 0;
  function* kept(to: number): Generator<Buffer> {
    while (at < to) {
      const piece = read(at, Math.min(to, at + STEP));
      if (piece.length === 0)
        throw new Error(`the file ends at byte ${at} now: it was changed while it was cleaned`);
      at += piece.length;
      yield piece;
    }
  }
  for (const { start, end, bytes } of edits) {
    if (start < at) throw new Error(`two changes overlap at byte ${start}`);
    yield* kept(start);
    if (bytes.length > 0) yield Buffer.from(bytes);
    at = end;
  }
  yield* kept(size);
}
