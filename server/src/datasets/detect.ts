import { Locator } from './bytes.js';
import { scanCsvRecord } from './csv.js';
import type { Container, FieldMapping, Schema } from './formats.js';
import { parseJson, type ParsedJson, type ValueNode } from './json-tree.js';
import { concerns, interpret } from './rows.js';
import { splitMarkdown } from './transcript.js';

const EXTENSIONS: Readonly<Record<string, Container>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  parquet: 'parquet',
  md: 'markdown',
  markdown: 'markdown',
  txt: 'markdown',
};

/** The container that a file's name promises, without `.gz` and `.zst`. */
export function containerOfName(name: string): Container | undefined {
  const plain = name.toLowerCase().replace(/\.(gz|gzip|zst|zstd)$/, '');
  return EXTENSIONS[plain.slice(plain.lastIndexOf('.') + 1)];
}

function tryJson(buf: Buffer): ParsedJson | undefined {
  try {
    return parseJson(new Locator(buf, 0, buf.length, { byte: 0, line: 0, column: 0 }));
  } catch {
    return undefined;
  }
}

/** Up to `max` non-blank lines of the head; only whole ones, unless the head is the whole file. */
function headLines(head: Buffer, max: number, whole: boolean): Buffer[] {
  const lines: Buffer[] = [];
  for (let at = 0; at < head.length && lines.length < max;) {
    const lf = head.indexOf(10, at);
    if (lf < 0 && !whole) break;
    const line = head.subarray(at, lf < 0 ? head.length : lf);
    if (line.toString('latin1').trim() !== '') lines.push(line);
    at += line.length + 1;
  }
  return lines;
}

const COLUMNS =
  /^(prompt|chosen|rejected|response|completion|instruction|input|output|question|answer|messages|conversations|text)$/;
const knownColumns = (line: string, delimiter: string): number =>
  line.split(delimiter).filter((c) => COLUMNS.test(c.trim().replace(/^"|"$/g, '').toLowerCase()))
    .length;

/** A record that has none of a mapping's fields is judged by its own. */
function meaning(node: ValueNode | undefined, mapping: FieldMapping | undefined): Schema {
  if (node === undefined) return 'unknown';
  const found = interpret(node, mapping && concerns(node, mapping) ? mapping : undefined);
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
): { container: Container; schema: Schema } | undefined {
  if (head.toString('latin1', 0, 4) === 'PAR1') return { container: 'parquet', schema: 'unknown' };
  const named = containerOfName(name);
  let start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
  while (start < head.length && head[start]! <= 0x20) start++;
  const body = head.subarray(start);
  const schema = (json: ParsedJson | undefined): Schema => meaning(json?.node, mapping);
  const csv = (delimiter: number): Schema => schemaOfCsv(body, delimiter, whole, mapping);
  const textual = named === 'csv' || named === 'tsv' || named === 'markdown';
  const first = String.fromCharCode(body[0] ?? 0);
  if ((first === '{' || first === '[') && !textual) {
    const lines = headLines(body, 4, whole);
    const parsed = lines.map(tryJson);
    const good = parsed.find((p) => p?.node.kind === 'record');
    const second = lines[1]?.toString('latin1').trimStart()[0];
    if (first === '[') {
      const lists = parsed[0]?.node.kind === 'list' && second === '[';
      if (lists) return { container: 'jsonl', schema: schema(parsed[0]) };
      const json = tryJson(body);
      const element = json?.node.kind === 'list' ? json.node.items[0] : undefined;
      return { container: 'json', schema: meaning(element, mapping) };
    }
    // A pretty-printed object has no whole value on any line that begins at its left edge.
    if (good !== undefined || (lines.length > 1 && second === '{'))
      return { container: 'jsonl', schema: schema(good) };
    if (lines.length === 0 && named !== 'json') return { container: 'jsonl', schema: 'unknown' };
    return { container: named ?? 'json', schema: whole ? schema(tryJson(body)) : 'unknown' };
  }
  if (named !== undefined && named !== 'parquet') {
    const markdown = named === 'markdown';
    return {
      container: named,
      schema: markdown ? 'messages' : csv(named === 'tsv' ? 9 : 44),
    };
  }
  const text = body.toString('utf8');
  const line = text.slice(0, Math.max(0, text.search(/\r|\n|$/)));
  if (knownColumns(line, '\t') >= 2) return { container: 'tsv', schema: csv(9) };
  if (knownColumns(line, ',') >= 2) return { container: 'csv', schema: csv(44) };
  if (splitMarkdown(text.replaceAll('\r\n', '\n')).some((t) => t.role === 'assistant')) {
    return { container: 'markdown', schema: 'messages' };
  }
  const good = headLines(body, 64, whole)
    .map(tryJson)
    .find((p) => p?.node.kind === 'record');
  return good === undefined ? undefined : { container: 'jsonl', schema: schema(good) };
}

/** The meaning of the first data row: header and first record give the fields. */
function schemaOfCsv(
  body: Buffer,
  delimiter: number,
  whole: boolean,
  mapping: FieldMapping | undefined,
): Schema {
  const header = scanCsvRecord(body, delimiter, whole);
  if (header.kind !== 'record') return 'unknown';
  const names = header.cells.map((c) => body.toString('utf8', c.start, c.end).trim());
  const rest = body.subarray(header.next);
  const row = scanCsvRecord(rest, delimiter, whole);
  if (row.kind !== 'record' || row.cells.length !== names.length) return 'unknown';
  const record = Object.fromEntries(
    names.map((n, i) => [n, rest.toString('utf8', row.cells[i]!.start, row.cells[i]!.end)]),
  );
  return meaning(tryJson(Buffer.from(JSON.stringify(record)))?.node, mapping);
}
