import {
  parquetMetadataAsync,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
} from 'hyparquet';
import { ColumnError, rowsOf, type RowRange } from './row-group.js';
import { textOrBytes } from './scalars.js';
import { DamagedText, JsonText } from './values.js';
import type { Meaning } from '../formats.js';
import type { ValueNode } from '../json/tree.js';
import { nodeOfValue } from './plain-values.js';
import { problem, rowEvents } from '../record.js';
import { randomAccess } from '../input/source.js';
import type { DatasetEvent, Place } from '../types.js';
import { messageOf } from '../../errors.js';

/** Parquet has no text positions: the row's ordinal stands as its line. */
export const ordinalPlace = (row: number): Place => ({
  line: row,
  column: 0,
  endLine: row,
  endColumn: 0,
  start: 0,
  end: 0,
});

/** Of two columns of one name the last is read; that is told. */
export function* doubled(names: readonly string[]): Generator<DatasetEvent> {
  for (const name of new Set(names.filter((n, i) => names.indexOf(n) < i))) {
    const message = `the column '${name.slice(0, 80)}' stands twice in the schema; the last one is read. Expected each name once`;
    yield problem(undefined, ordinalPlace(0), 'duplicate-key', message);
  }
}

/** What is wrong, in words for whoever reads the file: those of JavaScript's engine are none. */
const damage = (error: unknown, what: 'its footer' | 'its pages'): string =>
  error instanceof TypeError || error instanceof RangeError
    ? `the numbers in ${what} lead nowhere; expected a whole, undamaged file`
    : messageOf(error);

/** A column's value without the marks of what was wrong in it; those are told. */
function clean(value: unknown, told: (text: DamagedText) => void): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof DamagedText) {
    told(value);
    return value.text;
  }
  if (value instanceof JsonText) {
    const text = clean(value.text, told) as string;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return text;
    }
  }
  if (Array.isArray(value)) return value.map((item: unknown) => clean(item, told));
  if (value instanceof Uint8Array) return textOrBytes(value);
  if (ArrayBuffer.isView(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item, told)]));
}

function* eventsOf(range: RowRange, first: number, o: Meaning): Generator<DatasetEvent> {
  for (let i = 0; i < range.count; i++) {
    const index = first + range.start + i;
    const place = ordinalPlace(index);
    const damaged: [string, DamagedText][] = [];
    let events: DatasetEvent[];
    try {
      const fields = new Map<string, ValueNode>();
      for (const [name, values] of range.columns) {
        const value = clean(values[i], (text) => damaged.push([name, text]));
        if (value !== undefined) fields.set(name, nodeOfValue(value));
      }
      events = rowEvents(index, place, { kind: 'record', fields }, o);
    } catch (error) {
      // The stack ends before the nesting does.
      if (!(error instanceof RangeError)) throw error;
      const message = 'a value is nested too deeply; expected texts and lists of messages';
      events = [problem(index, place, 'malformed-row', message)];
    }
    for (const [name, { byte, offset }] of damaged) {
      const message = `column '${name}': byte 0x${byte.toString(16).padStart(2, '0')} at offset ${offset} of the text is no valid UTF-8; it is read as U+FFFD. Expected UTF-8`;
      yield problem(index, place, 'invalid-utf8', message);
    }
    yield* events;
  }
}

/**
 * Rows of a Parquet file; of each column one page is in memory. What cannot be read of a row group is
 * one problem, and the groups after it are read.
 */
export async function* readParquet(
  file: AsyncBuffer,
  name: string,
  o: Meaning,
  signal: AbortSignal | undefined,
  firstRow: number,
): AsyncGenerator<DatasetEvent> {
  let metadata: FileMetaData;
  let counts: number[];
  try {
    metadata = await parquetMetadataAsync(file);
    counts = metadata.row_groups.map((group) => Number(group.num_rows));
    const odd = counts.find((rows) => !Number.isSafeInteger(rows) || rows < 0);
    if (odd !== undefined) throw new Error(`a row group is said to have ${odd} rows`);
  } catch (error) {
    signal?.throwIfAborted();
    const message = `${name} cannot be read: no readable Parquet file: ${damage(error, 'its footer')}`;
    yield problem(undefined, ordinalPlace(0), 'unreadable', message);
    return;
  }
  if (counts.every((rows) => rows === 0))
    yield problem(undefined, ordinalPlace(0), 'empty-file', 'the Parquet file has no rows');
  if (firstRow === 0)
    yield* doubled(parquetSchema(metadata).children.map(({ element }) => element.name));
  let start = 0;
  for (const [g, count] of counts.entries()) {
    const from = Math.max(0, firstRow - start);
    let next = start + from;
    try {
      if (from < count)
        for await (const range of rowsOf(file, metadata, g, from)) {
          signal?.throwIfAborted();
          yield* eventsOf(range, start, o);
          next = start + range.start + range.count;
        }
    } catch (error) {
      signal?.throwIfAborted();
      const where = error instanceof ColumnError ? `, column '${error.column}'` : '';
      const message = `${name} cannot be read on: row group ${g}${where}, rows ${next} to ${start + count - 1}: ${damage(error, 'its pages')}`;
      yield problem(next, ordinalPlace(next), 'unreadable', message);
    }
    start += count;
  }
}

/** Rows of a Parquet file, by its footer. @throws Error when it has none that can be read */
export async function parquetRows(path: string): Promise<number> {
  const { file, close } = await randomAccess(path, undefined);
  try {
    return Number((await parquetMetadataAsync(file)).num_rows);
  } finally {
    await close();
  }
}
