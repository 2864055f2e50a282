import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse as parseCsv } from 'csv-parse/sync';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { isFields, type Fields } from '../../evaluation/items/labels.js';
import { compressionOf, decompress } from '../../datasets/index.js';
import { containerOfName } from '../../datasets/index.js';

/** One record of a file of ratings: an object of JSON, a row of CSV or Parquet. */
export interface SourceRecord {
  readonly fields: Fields;
  /** Line of the file, from 1; in Parquet, the row. */
  readonly line: number;
}

/** What could not be used, and where. */
export interface DataProblem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
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
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new Error(`${file}: no such file`);
    throw error;
  });
  await handle.read(magic, 0, 8, 0);
  await handle.close();
  const bytes = await readAll(decompress(createReadStream(file), compressionOf(magic)));
  if (bytes.subarray(0, 4).toString('latin1') === 'PAR1') return parquetRecords(bytes);
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
  const container = containerOfName(file);
  if (container === 'csv' || container === 'tsv') return csvRecords(text, file, container);
  if (text.trimStart().startsWith('[') && container !== 'jsonl') return jsonRecords(text, file);
  return lineRecords(text, file, problem);
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
      problem({ file, line: i + 1, message: `not JSON: ${(error as Error).message}` });
    }
  });
  return out;
}

function jsonRecords(text: string, file: string): SourceRecord[] {
  let values: unknown[];
  try {
    values = JSON.parse(text) as unknown[];
  } catch (error) {
    throw new Error(`${file}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  const lines = elementLines(text);
  return values.flatMap((fields, i) => (isFields(fields) ? [{ fields, line: lines[i]! }] : []));
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

function csvRecords(text: string, file: string, container: 'csv' | 'tsv'): SourceRecord[] {
  let rows: { record: Fields; info: { lines: number } }[];
  try {
    rows = parseCsv(text, {
      columns: true,
      info: true,
      delimiter: container === 'csv' ? ',' : '\t',
      relax_column_count: true,
      skip_empty_lines: true,
    }) as unknown as typeof rows;
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
  // `lines` counts to the end of the record, and the record before it ends where this one begins.
  return rows.map(({ record }, i) => ({
    fields: Object.fromEntries(Object.entries(record).map(([k, v]) => [k, cell(v)])),
    line: (i === 0 ? 1 : rows[i - 1]!.info.lines) + 1,
  }));
}

/** A cell of CSV as JSON would have it: numbers, lists of numbers, truth values; else the text. */
function cell(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim();
  if (/^\[.*\]$/s.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      return value;
    }
  }
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : value;
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
