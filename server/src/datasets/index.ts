import { basename } from 'node:path';
import { compressionOf, decompress } from './input/compression.js';
import { detectContainer } from './detect/detect.js';
import { foreignFile } from './detect/foreign.js';
import { hinted } from './detect/hint.js';
import { batchPrompts } from './logs/batch-input.js';
import { readLog } from './logs/read.js';
import {
  containerOfName,
  DEFAULT_MAX_ROW_BYTES,
  factsOf,
  FORMAT_TITLES,
  type Container,
  type DatasetFormat,
  type DatasetSource,
  type FieldMapping,
  type ReadOptions,
} from './formats.js';
import type { RecordOptions } from './record.js';
import { READERS } from './readers/all.js';
import type { FormatReader } from './readers/reader.js';
import { between, jsonEvents, problem } from './record.js';
import { openBytes, peek, sourceName } from './input/source.js';
import { byItself } from './part.js';
import type { DatasetEvent } from './types.js';
import { ByteWindow } from './input/window.js';
import { messageOf } from '../errors.js';
import { markAt } from './input/bytes.js';

export type * from './types.js';
export type {
  Container,
  Schema,
  Compression,
  DatasetFormat,
  DatasetSource,
  FieldMapping,
  ReadOptions,
  StartPoint,
} from './formats.js';
export {
  compressionOfName,
  containerByMagic,
  containerOfName,
  CONTAINERS,
  DEFAULT_MAX_ROW_BYTES,
  factsOf,
  isDataName,
  isText,
  stemOf,
} from './formats.js';
export { dataFiles, identityOf } from './folder.js';
export { compressionOf, decompress } from './input/compression.js';
export { markAt } from './input/bytes.js';
export { commandLineSource, isStandardInput } from './input/pipe.js';
export { createPlaceMap, decodeText, type PlaceMap, type TextEncoding } from './text.js';
export { splitHH, normalizeRole, type TextTurn } from './markdown/transcript.js';
export { splitMarkdown } from './markdown/turns.js';
export { compressors } from './columns/compressors.js';
export { csvDialect, DIALECT_BYTES, type CsvDialect } from './csv/dialect.js';
export { scanCsvRecord } from './csv/record.js';
export { parseMapping } from './mapping.js';
export { READ_NEVERTHELESS } from './record.js';
export { readPart } from './part.js';
export { partsOf, placeOf, turnParts } from './places.js';
export { exchange, removeRows, swapPair, turnVote } from './edit.js';
export type { ByteEdit, ReadBytes, RecordPlace, Span, Writing } from './edit.js';
export { chatMessage, shownText } from './chat-message.js';

/** Enough for the first records of most files; a longer first record is judged by its beginning. */
const HEAD_BYTES = 256 * 1024;
const ZERO = { byte: 0, line: 0, column: 0 };
const EXPECTED = `expected ${FORMAT_TITLES} (tables with a header, transcripts with role headings)`;
/** How the texts at a container's places are written, for `createPlaceMap`. */
export const encodingOf = (container: Container): 'json' | 'csv' | 'lines' | 'raw' =>
  factsOf(container).text ?? 'raw';

interface Opened {
  readonly format: DatasetFormat | undefined;
  readonly head: Buffer;
  readonly rest: AsyncGenerator<Uint8Array>;
}

async function openSource(
  source: DatasetSource,
  signal?: AbortSignal,
  mapping?: FieldMapping,
): Promise<Opened> {
  const raw = await peek(openBytes(source, 0, signal), 8);
  const compression = compressionOf(raw.head);
  const text = await peek(decompress(raw.rest, compression), HEAD_BYTES);
  const whole = text.head.length < HEAD_BYTES;
  const found = detectContainer(text.head, sourceName(source), whole, mapping);
  return { format: found && { ...found, compression }, head: text.head, rest: text.rest };
}

/** The bytes of a file, decompressed. */
export async function* plainBytes(path: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const raw = await peek(openBytes({ path }, 0, signal), 8);
  yield* decompress(raw.rest, compressionOf(raw.head));
}

/**
 * What a file is, by its content and then its name; undefined when nothing fits.
 * @param mapping for a first record that has one of its response fields: then the schema is `mapped`
 * @throws what reading the file throws (no such file, no permission)
 */
export async function detectFormat(
  source: DatasetSource,
  signal?: AbortSignal,
  mapping?: FieldMapping,
): Promise<DatasetFormat | undefined> {
  const opened = await openSource(source, signal, mapping);
  try {
    for (;;) {
      // An unreadable source tells so only on reading on; a readable one has its head already.
      if (opened.head.length > 0 || (await opened.rest.next()).done === true) return opened.format;
    }
  } finally {
    await opened.rest.return(undefined);
  }
}

/** Who reads a format: a test holds that each has one. */
function readerOf(container: Container): FormatReader {
  const reader = READERS[container];
  if (reader === undefined) throw new Error(`datasets/readers has no ${container}.ts`);
  return reader;
}

/**
 * Rows of a file that is no text, by its footer.
 * @throws Error when it is another kind of file, or has none that can be read
 */
export async function countRows(source: DatasetSource): Promise<number> {
  const container = (await detectFormat(source))?.container;
  const reader = container && readerOf(container);
  if (!('path' in source) || reader === undefined || !('file' in reader) || !reader.count)
    throw new Error(`${sourceName(source)}: only a file with a footer has its rows counted`);
  return reader.count(source.path);
}

/**
 * The rows and problems of a file in their order, in memory bounded by the longest record.
 * Bad records never end the stream; a file that cannot be opened or read on gives an `unreadable`
 * problem. Rows come with the place of every text, except from Parquet.
 * @throws AbortError when `signal` fires
 */
export async function* readDataset(
  source: DatasetSource,
  options: ReadOptions = {},
): AsyncGenerator<DatasetEvent> {
  const { signal, mapping, start, aside } = options;
  const maxRowBytes = options.maxRowBytes ?? DEFAULT_MAX_ROW_BYTES;
  signal?.throwIfAborted();
  const opened = await openSource(source, signal);
  let rest = opened.rest;
  let first = start?.row ?? 0;
  let origin: { byte: number; line: number; column: number } = ZERO;
  try {
    const container = options.format ?? opened.format?.container;
    const name = sourceName(source);
    const markdown = (container ?? containerOfName(name)) === 'markdown';
    const nothing = container === undefined && opened.head.toString('latin1').trim() !== '';
    // Of what no format fits, the lines are looked at, unless the file is another program's.
    const reader = readerOf(container ?? 'jsonl');
    const foreign =
      ('file' in reader && reader.anyBytes ? undefined : foreignFile(opened.head, markdown)) ??
      (nothing ? `no dataset format fits ${name}; ${EXPECTED}` : undefined);
    if (foreign !== undefined) {
      yield problem(undefined, between(ZERO, ZERO), 'unreadable', foreign);
      return;
    }
    if ('file' in reader) {
      const direct = 'path' in source && (opened.format?.compression ?? 'none') === 'none';
      const path = direct ? source.path : undefined;
      const meaning = { mapping, aside };
      yield* hinted(
        reader.file({ path, bytes: rest, name, meaning, maxRowBytes, firstRow: first, signal }),
        name,
      );
      return;
    }
    const skipBytes = start?.byte ?? 0;
    const plain = (opened.format?.compression ?? 'none') === 'none';
    if (container === 'jsonl' && opened.format?.log === undefined && skipBytes > 0) {
      // A JSONL line needs nothing of what stands before it.
      if (plain && !('stream' in source)) {
        await rest.return(undefined);
        rest = openBytes(source, skipBytes, signal);
      } else {
        rest = skip(rest, skipBytes);
      }
      origin = { byte: skipBytes, line: start?.line ?? first, column: 0 };
    } else if (markAt(opened.head, 0, opened.head.length)) {
      // Editors do not show a byte order mark: it has bytes but no column.
      rest = skip(rest, 3);
      origin = { byte: 3, line: 0, column: 0 };
    }
    const log = container === 'jsonl' || container === 'json' ? opened.format?.log : undefined;
    const lines = 'path' in source && container === 'jsonl' && log === undefined;
    const part = lines && plain && start === undefined ? options.until : undefined;
    if (part !== undefined) {
      rest = upTo(rest, part.to - origin.byte);
      part.divided();
    }
    const window = new ByteWindow(rest, origin);
    const counted = origin.byte > 3; // records are counted from `first` only when those before were not read
    let next = 0;
    const o: RecordOptions = {
      mapping,
      aside,
      maxRowBytes,
      firstRow: counted ? first : 0,
      complete: part !== undefined ? byItself : lines ? batchPrompts(source.path) : undefined,
      ended: (index) => (next = index),
    };
    if (counted) first = 0;
    let any = false;
    const records = log === undefined ? reader.text(window, o) : readLog(window, log, o);
    for await (const event of hinted(records, basename(name))) {
      signal?.throwIfAborted();
      any = true;
      const index = event.type === 'row' ? event.row.index : event.problem.index;
      if (index === undefined || index >= first) yield event;
    }
    signal?.throwIfAborted();
    const at = window.position();
    if (window.failure !== undefined) {
      const message = `${sourceName(source)} cannot be read on: ${messageOf(window.failure)}`;
      yield problem(undefined, between(at, at), 'unreadable', message);
    } else if (!any && !counted) {
      yield problem(undefined, between(ZERO, at), 'empty-file', 'the file holds no records');
    }
    if (window.failure === undefined) part?.ended({ records: next, lines: at.line });
  } finally {
    await rest.return(undefined);
  }
}

async function* skip(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    if (chunk.length > left) yield chunk.subarray(left);
    left = Math.max(0, left - chunk.length);
  }
}

async function* upTo(bytes: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of bytes) {
    if (left > 0) yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left <= 0) return;
  }
}

/**
 * The events of one line of a JSONL file, for an editor that re-reads a single edited line.
 * @param line the line's text or bytes, with or without its line end
 * @param lineNumber zero-based; also the row's index unless `index` is given
 * @param byteOffset of the line's beginning
 */
export function parseRow(
  line: string | Uint8Array,
  lineNumber: number,
  byteOffset: number,
  mapping?: FieldMapping,
  index = lineNumber,
): DatasetEvent[] {
  let buf =
    typeof line === 'string'
      ? Buffer.from(line)
      : Buffer.from(line.buffer, line.byteOffset, line.byteLength);
  while (buf.length > 0 && (buf.at(-1) === 10 || buf.at(-1) === 13)) buf = buf.subarray(0, -1);
  if (buf.toString('latin1').trim() === '') return [];
  return jsonEvents(
    buf,
    { byte: byteOffset, line: lineNumber, column: 0 },
    index,
    { mapping },
    false,
  );
}
