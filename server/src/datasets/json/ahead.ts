// What a JSON file holds, told from the bytes ahead. Each look gives undefined when it needs more of them.
import { Locator, type Origin } from '../input/bytes.js';
import type { RecordOptions } from '../record.js';
import { shapesOf } from './shapes.js';
import { skipSpace, ValueSkipper } from './skip.js';
import { JsonSyntaxError, parseJson, type ParsedJson, type ValueNode } from './tree.js';
import { meaningOf, recordProblems, rowEvents } from '../record.js';
import { interpret } from '../rows/index.js';
import { PlacedText } from '../text.js';
import type { DatasetEvent, Place } from '../types.js';

type Reading = Pick<RecordOptions, 'mapping' | 'aside'>;
const QUOTE = 0x22;
const COLON = 0x3a;
const LIST = 0x5b;
const OBJECT = 0x7b;
/** Lists of objects that are a part of one record. */
const PARTS = new Set([
  'messages',
  'conversations',
  'conversation',
  'completions',
  'responses',
  'candidates',
  'outputs',
  'generations',
  'requests',
  'chosen',
  'rejected',
  'prompt',
  'history',
]);

function parsed(locator: Locator): ParsedJson | undefined {
  try {
    return parseJson(locator);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return undefined;
  }
}

const valueOf = (buf: Buffer): ValueNode | undefined =>
  parsed(new Locator(buf, 0, buf.length, { byte: 0, line: 0, column: 0 }))?.node;

/** The first element of the list at `at`, where it is an object; null where it is none. */
function firstElement(buf: Buffer, at: number, whole: boolean): ValueNode | null | undefined {
  const from = skipSpace(buf, at + 1, buf.length);
  if (from >= buf.length) return whole ? null : undefined;
  if (buf[from] !== OBJECT) return null;
  const end = new ValueSkipper().feed(buf, from, buf.length);
  if (end < 0) return whole ? null : undefined;
  return valueOf(buf.subarray(from, end)) ?? null;
}

/** Is a value a row of its own? */
const isRow = (node: ValueNode, o: Reading): boolean => meaningOf(node, o.mapping).ok;

/** Is the list here one conversation, its elements messages? */
export function opensMessages(buf: Buffer, o: Reading, whole: boolean): boolean | undefined {
  const node = firstElement(buf, 0, whole);
  if (node === undefined) return undefined;
  if (node?.kind !== 'record') return false;
  const { fields } = node;
  const role = fields.get('role') ?? fields.get('from');
  return role?.kind === 'text' && (fields.has('content') || fields.has('value')) && !isRow(node, o);
}

/** The first row of the list here; false where it holds none. */
export function rowAhead(buf: Buffer, o: Reading, whole: boolean): ValueNode | false | undefined {
  const node = firstElement(buf, 0, whole);
  return node === undefined ? undefined : node !== null && isRow(node, o) && node;
}

/** Objects in objects that a list of rows may stand in (promptfoo: `results.results`). */
const WRAPPERS = 2;

/** The first row of a list that is a member of the object here, or of one in it; false where there is none. */
export function wrapsRows(
  buf: Buffer,
  o: Reading,
  whole: boolean,
  depth = 0,
): ValueNode | false | undefined {
  const more = whole ? false : undefined;
  const space = (at: number): number => skipSpace(buf, at, buf.length);
  for (let at = space(1); ;) {
    if (at >= buf.length) return more;
    if (buf[at] !== QUOTE) return false;
    const end = new ValueSkipper().feed(buf, at, buf.length);
    if (end < 0) return more;
    if (buf[end - 1] !== QUOTE || end < at + 2) return false;
    const key = nameOf(buf, at, end);
    at = space(end);
    if (at >= buf.length) return more;
    if (buf[at] !== COLON) return false;
    at = space(at + 1);
    if (at >= buf.length) return more;
    if (buf[at] === LIST && key !== undefined && !PARTS.has(key)) {
      const found = rowAhead(buf.subarray(at), o, whole);
      if (found !== false) return found;
    }
    if (buf[at] === OBJECT && key !== undefined && depth < WRAPPERS) {
      const found = wrapsRows(buf.subarray(at), o, whole, depth + 1);
      if (found !== false) return found;
    }
    const next = new ValueSkipper().feed(buf, at, buf.length);
    if (next < 0) return more;
    at = space(Math.max(next, at + 1));
    if (at < buf.length && buf[at] !== 0x2c) return false;
    at = space(at + 1);
  }
}

function nameOf(buf: Buffer, from: number, end: number): string | undefined {
  const node = valueOf(buf.subarray(from, end));
  return node?.kind === 'text' ? node.value : undefined;
}

/** The rows of a table that is written as one object; undefined where it is no table. */
export function tableEvents(
  buf: Buffer,
  origin: Origin,
  index: number,
  o: Reading,
): { rows: number; first: ValueNode; events: Generator<DatasetEvent> } | undefined {
  const locator = new Locator(buf, 0, buf.length, origin);
  const json = parsed(locator);
  if (json === undefined || interpret(json.node, o.mapping).ok) return undefined;
  const shape = shapesOf(json.node).find(({ rows }) => isRow(rows[0]!.node, o));
  if (shape === undefined) return undefined;
  const whole = locator.place(json.start, json.end);
  const placeOf = (node: ValueNode | undefined): Place => {
    if (node instanceof PlacedText) return node.place();
    const { start, end } = node !== undefined && node.kind !== 'scalar' && node.kind !== 'text' ? node : {}; // prettier-ignore
    return start === undefined || end === undefined ? whole : locator.place(start, end);
  };
  function* events(table: NonNullable<typeof shape>): Generator<DatasetEvent> {
    yield* recordProblems(index, locator, json!);
    for (const [i, { node, at }] of table.rows.entries()) {
      for (const event of rowEvents(index + i, placeOf(at), node, o)) {
        yield event.type === 'row' && table.scattered
          ? { type: 'row', row: { ...event.row, scattered: true } }
          : event;
      }
    }
  }
  return { rows: shape.rows.length, first: shape.rows[0]!.node, events: events(shape) };
}
