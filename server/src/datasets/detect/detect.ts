import { CR, LF, Locator, markAt } from '../input/bytes.js';
import { csvDialect, isKnownColumn } from '../csv/dialect.js';
import { scanCsvRecord } from '../csv/record.js';
import {
  containerOfName,
  containerByMagic,
  CONTAINERS,
  factsOf,
  type Container,
  type FieldMapping,
  type Schema,
} from '../formats.js';
import { opensMessages, rowAhead, tableEvents, wrapsRows } from '../json/ahead.js';
import { RECORD_SEPARATOR } from '../json/skip.js';
import { parseJson, type ParsedJson, type ValueNode } from '../json/tree.js';
import { transcriptOf } from '../markdown/turns.js';
import { logKind, type LogKind } from '../logs/kinds.js';
import { isAider } from '../markdown/aider.js';
import { READERS } from '../readers/all.js';
import { rowOf } from '../record.js';
import { concerns, interpret } from '../rows/index.js';

export interface Detected {
  readonly container: Container;
  readonly schema: Schema;
  readonly log?: LogKind;
}

const OBJECT = 0x7b;
const LIST = 0x5b;
const ORIGIN = { byte: 0, line: 0, column: 0 };

/** Is the first line a whole JSON object, or is the whole file a list of them? */
function isSurelyJson(body: Buffer, whole: boolean): boolean {
  const [first] = headLines(body, 1, whole);
  const line = first && tryJson(first);
  if (line?.node.kind === 'record') return line.node.fields.size > 0;
  if (!whole || (body[0] === LIST && body.length > 1 << 20)) return false;
  const all = tryJson(body)?.node;
  return all?.kind === 'record'
    ? all.fields.size > 0
    : all?.kind === 'list' && all.items.length > 0 && all.items.every((i) => i.kind === 'record');
}

function tryJson(buf: Buffer): ParsedJson | undefined {
  try {
    return parseJson(new Locator(buf, 0, buf.length, ORIGIN));
  } catch {
    return undefined;
  }
}

/** Up to `max` non-blank lines of the head; only whole ones, unless the head is the whole file. */
function headLines(head: Buffer, max: number, whole: boolean): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < head.length && lines.length < max;) {
    const lf = head.indexOf(LF, at);
    const line = head.subarray(at, lf < 0 ? head.length : lf);
    const cr = line.indexOf(CR);
    if (lf < 0 && cr < 0 && !whole) break;
    const one = cr < 0 ? line : line.subarray(0, cr);
    if (one.toString('latin1').trim() !== '')
      lines.push(one[0] === RECORD_SEPARATOR ? one.subarray(1) : one);
    at += one.length + 1;
  }
  return lines;
}

const knownColumns = (line: string, delimiter: string): number =>
  line.split(delimiter).filter((c) => isKnownColumn(c.trim().replace(/^"|"$/g, ''))).length;

/** A record that has none of a mapping's fields is judged by its own. */
function meaning(node: ValueNode | undefined, mapping: FieldMapping | undefined): Schema {
  if (node === undefined) return 'unknown';
  const row = rowOf(node);
  const found = interpret(row, mapping && concerns(row, mapping) ? mapping : undefined);
  return found.ok ? found.schema : 'unknown';
}

/**
 * Container and meaning of a (decompressed) file by its first bytes. The name decides only what the
 * content leaves open: `[` may begin Markdown, a CSV header may be any text.
 * @param head the file's first bytes; @param whole they are all of it
 * @param mapping for records that have its fields
 */
export function detectContainer(
  head: Buffer,
  name: string,
  whole: boolean,
  mapping?: FieldMapping,
): Detected | undefined {
  const marked = containerByMagic(head);
  if (marked !== undefined) return { container: marked, schema: 'unknown' };
  for (const container of CONTAINERS) {
    const schema = READERS[container]?.looks?.(head);
    if (schema !== undefined) return { container, schema };
  }
  const named = containerOfName(name);
  const mark = markAt(head, 0, head.length) ? 3 : 0;
  let start = mark;
  while (start < head.length && head[start]! <= 0x20) start++;
  const body = head.subarray(start);
  const csv = (container: 'csv' | 'tsv') => ({
    container,
    schema: schemaOfCsv(head.subarray(mark), container, whole, mapping),
  });
  const textual = named !== undefined && factsOf(named).named === true;
  // Under another name, only what can be nothing else: a first line that is a whole object, or such a list.
  const json = (body[0] === OBJECT || body[0] === LIST) && (!textual || isSurelyJson(body, whole));
  if (json) return detectJson(body, textual ? undefined : named, whole, mapping);
  if (named === 'csv' || named === 'tsv') return csv(named);
  const text = body.toString('utf8');
  const table = text.replace(/^(?:#[^\r\n]*[\r\n]+)+/, '');
  const line = table.slice(0, Math.max(0, table.search(/\r|\n|$/)));
  // In prose, words that are names of columns may stand in any line: a header has nothing else.
  const header = [...line.split(/[\t,;|]/)].every((cell) => /^\s*"?[\w .-]{1,40}"?\s*$/.test(cell));
  if (named === 'markdown' && !header) return { container: named, schema: 'messages' };
  if (knownColumns(line, '\t') >= 2) return csv('tsv');
  if ([',', ';', '|'].some((delimiter) => knownColumns(line, delimiter) >= 2)) return csv('csv');
  if (named === 'markdown') return { container: named, schema: 'messages' };
  if (named === 'json' || named === 'jsonl') return { container: named, schema: 'unknown' };
  const plain = text.replaceAll('\r\n', '\n');
  if (isAider(plain) || transcriptOf(plain).turns.some((t) => t.role === 'assistant')) {
    return { container: 'markdown', schema: 'messages' };
  }
  const good = headLines(body, 64, whole)
    .map(tryJson)
    .find((p) => p?.node.kind === 'record');
  if (good !== undefined) return { container: 'jsonl', schema: meaning(good.node, mapping) };
  return named === 'parquet' && body.length > 0
    ? { container: named, schema: 'unknown' }
    : undefined;
}

/** JSON Lines, or JSON in all other forms that readJson knows. */
function detectJson(
  body: Buffer,
  named: Container | undefined,
  whole: boolean,
  mapping: FieldMapping | undefined,
): Detected {
  const o = { mapping };
  const lines = headLines(body, 8, whole);
  const parsed = lines.map(tryJson);
  if (body[0] === OBJECT) {
    const records = parsed.flatMap((p) => (p?.node.kind === 'record' ? [p.node] : []));
    const log = logKind(records);
    if (log !== undefined) return { container: 'json', schema: log, log };
  }
  const second = lines[1]?.toString('latin1').trimStart()[0];
  if (body[0] === LIST) {
    // Each line a conversation; else lists of records, be it one or several after one another.
    const list = meaning(parsed[0]?.node, mapping);
    if (parsed[0]?.node.kind === 'list' && second === '[' && list !== 'unknown')
      return { container: 'jsonl', schema: list };
    if (opensMessages(body, o, true) === true)
      return { container: 'json', schema: meaning(tryJson(body)?.node, mapping) };
    return { container: 'json', schema: meaning(rowAhead(body, o, true) || undefined, mapping) };
  }
  const good = parsed.find((p) => p?.node.kind === 'record');
  const schema = meaning(good?.node, mapping);
  const wrapped = schema === 'unknown' ? wrapsRows(body, o, whole) : undefined;
  if (wrapped) return { container: 'json', schema: meaning(wrapped, mapping) };
  const single = whole && lines.length === 1 && good !== undefined && schema === 'unknown';
  const table = single ? tableEvents(body, ORIGIN, 0, o) : undefined;
  if (table !== undefined) return { container: 'json', schema: meaning(table.first, mapping) };
  // A pretty-printed object has no whole value on any line that begins at its left edge.
  if (good !== undefined || (lines.length > 1 && second === '{'))
    return { container: 'jsonl', schema };
  if (lines.length === 0 && named !== 'json') return { container: 'jsonl', schema: 'unknown' };
  const value = whole ? tryJson(body)?.node : undefined;
  const first = whole ? (tableEvents(body, ORIGIN, 0, o)?.first ?? value) : undefined;
  // Nothing but the brace: a line of JSON Lines is a whole value.
  const indented = lines.length > 1 && lines[0]!.toString('latin1').trim() === '{';
  const end = indented ? body.toString('latin1').search(/[\r\n]\}/) + 2 : 0;
  const node = first ?? tryJson(body.subarray(0, end))?.node;
  const container = named === 'jsonl' && !indented ? 'jsonl' : 'json';
  return { container, schema: meaning(node, mapping) };
}

/** The meaning of the first data row: header and first record give the fields. */
function schemaOfCsv(
  body: Buffer,
  container: 'csv' | 'tsv',
  whole: boolean,
  mapping: FieldMapping | undefined,
): Schema {
  const { delimiter, quotes, skip } = csvDialect(body, container, whole);
  const table = body.subarray(skip);
  const header = scanCsvRecord(table, delimiter, whole, quotes);
  if (header.kind !== 'record') return 'unknown';
  const names = header.cells.map((c) => table.toString('utf8', c.start, c.end).trim());
  const rest = table.subarray(header.next);
  const row = scanCsvRecord(rest, delimiter, whole, quotes);
  if (row.kind !== 'record' || row.cells.length !== names.length) return 'unknown';
  const record = Object.fromEntries(
    names.map((n, i) => [n, rest.toString('utf8', row.cells[i]!.start, row.cells[i]!.end)]),
  );
  return meaning(tryJson(Buffer.from(JSON.stringify(record)))?.node, mapping);
}
