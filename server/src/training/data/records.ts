import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse as parseCsv } from 'csv-parse/sync';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { whyUnread } from '../../files/why.js';
import { compressors } from '../../datasets/index.js';
import { isFields, type Fields } from '../../fields.js';
import { compressionOf, decompress } from '../../datasets/index.js';
import { containerOfName } from '../../datasets/index.js';
import { messageOf } from '../../errors.js';

/** One record of a file of ratings: an object of JSON, a row of CSV or Parquet. */
export interface SourceRecord {
  readonly fields: Fields;
  /** Line of the file, from 1; in Parquet, the row. */
  readonly line: number;
  /** Whether all its cells are text, as in CSV. */
  readonly text?: boolean;
}

/** What could not be used, and where. */
export interface DataProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** Whether the record is used all the same. */
  readonly kept?: boolean;
}

export const problemText = ({ file, line, message }: DataProblem): string =>
  `${file}:${line}: ${message}`;

/**
 * The records of a JSON, JSON Lines, CSV, TSV or Parquet file, compressed or not. A record that cannot
 * be read is a problem and the rest goes on.
 * @throws Error when the file cannot be read at all
 */
export async function readRecords(
  file: string,
  problem: (p: DataProblem) => void,
): Promise<SourceRecord[]> {
  const magic = Buffer.alloc(8);
  const named = (error: unknown): never => {
    throw new Error(`${file}: ${whyUnread(error)}`, { cause: error });
  };
  const handle = await open(file, 'r').catch(named);
  await handle
    .read(magic, 0, 8, 0)
    .catch(named)
    .finally(() => handle.close());
  const chunks = decompress(createReadStream(file), compressionOf(magic));
  const bytes = await readAll(chunks).catch(named);
  if (bytes.subarray(0, 4).toString('latin1') === 'PAR1') {
    return parquetRecords(bytes).catch(named);
  }
  const text = textOf(bytes, file, problem);
  const container = containerOfName(file);
  if (container === 'csv' || container === 'tsv') return csvRecords(text, file, container, problem);
  if (text.trimStart().startsWith('[') && container !== 'jsonl') {
    return jsonRecords(text, file, problem);
  }
  return lineRecords(text, file, problem);
}

/** The text of a file; what is no UTF-8 is told, and stands as U+FFFD. @throws Error for UTF-16 */
function textOf(bytes: Buffer, file: string, problem: (p: DataProblem) => void): string {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    throw new Error(`${file}: the file is UTF-16; expected UTF-8 (save it anew as UTF-8)`);
  }
  if (!isUtf8(bytes)) {
    for (let from = 0, line = 1; from < bytes.length; line++) {
      const end = bytes.indexOf(10, from);
      const to = end < 0 ? bytes.length : end;
      if (!isUtf8(bytes.subarray(from, to))) {
        const message = 'bytes that are no valid UTF-8 are read as U+FFFD; expected a UTF-8 file';
        problem({ file, line, message, kept: true });
      }
      from = to + 1;
    }
  }
  return bytes.toString('utf8').replace(/^\uFEFF/, '');
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

function lineRecords(
  text: string,
  file: string,
  problem: (p: DataProblem) => void,
): SourceRecord[] {
  const out: SourceRecord[] = [];
  text.split('\n').forEach((content, i) => {
    if (content.trim() === '') return;
    try {
      const fields: unknown = JSON.parse(content);
      if (isFields(fields)) out.push({ fields, line: i + 1 });
      else problem({ file, line: i + 1, message: 'expected a JSON object' });
    } catch (error) {
      problem({ file, line: i + 1, message: `not JSON: ${messageOf(error)}` });
    }
  });
  return out;
}

function jsonRecords(
  text: string,
  file: string,
  problem: (p: DataProblem) => void,
): SourceRecord[] {
  let values: unknown[];
  try {
    values = JSON.parse(text) as unknown[];
  } catch (error) {
    throw new Error(`${file}: not JSON: ${messageOf(error)}`, { cause: error });
  }
  const lines = elementLines(text);
  return values.flatMap((fields, i) => {
    const line = lines[i]!;
    if (isFields(fields)) return [{ fields, line }];
    problem({ file, line, message: 'expected a JSON object' });
    return [];
  });
}

/** The line of each element of a valid JSON array, from 1. */
function elementLines(text: string): number[] {
  const out: number[] = [];
  let line = 1;
  let depth = 0;
  let waiting = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\n') line++;
    if (c.trim() === '') continue;
    if (waiting && c !== ']') {
      out.push(line);
      waiting = false;
    }
    if (c === '"') {
      for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (c === '[' || c === '{') {
      depth++;
      waiting = depth === 1;
    } else if (c === ']' || c === '}') depth--;
    else if (c === ',' && depth === 1) waiting = true;
  }
  return out;
}

function csvRecords(
  text: string,
  file: string,
  container: 'csv' | 'tsv',
  problem: (p: DataProblem) => void,
): SourceRecord[] {
  let rows: { record: Fields; info: { lines: number; invalid_field_length: number } }[];
  try {
    rows = parseCsv(text, {
      columns: true,
      info: true,
      delimiter: container === 'csv' ? ',' : '\t',
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as typeof rows;
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error });
  }
  // `lines` counts to the end of the record, and the record before it ends where this one begins.
  let odd = 0;
  return rows.flatMap(({ record, info }, i) => {
    const line = (i === 0 ? 1 : rows[i - 1]!.info.lines) + 1;
    const other = info.invalid_field_length > odd;
    odd = info.invalid_field_length;
    if (!other) return [{ fields: record, line, text: true }];
    problem({ file, line, message: 'it has more or fewer cells than the header' });
    return [];
  });
}

async function parquetRecords(bytes: Buffer): Promise<SourceRecord[]> {
  const buffer = bytes.buffer.slice(
    bytes.byteOffset,
    bytes.byteOffset + bytes.byteLength,
  ) as ArrayBuffer;
  const metadata = await parquetMetadataAsync(asyncBuffer(buffer));
  const rows = await parquetReadObjects({ file: asyncBuffer(buffer), metadata, compressors });
  return rows.map((fields, i) => ({ fields: plain(fields) as Fields, line: i + 1 }));
}

function asyncBuffer(buffer: ArrayBuffer) {
  return {
    byteLength: buffer.byteLength,
    slice: (from: number, to?: number) => buffer.slice(from, to),
  };
}

/** Parquet's 64-bit integers as numbers. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    return Array.from(value as ArrayLike<unknown>, plain);
  }
  if (!isFields(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
}
