import { parquetMetadataAsync, parquetReadObjects, type AsyncBuffer } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { FieldMapping } from './formats.js';
import type { RecordNode } from './json-tree.js';
import { nodeOfValue } from './plain-values.js';
import { problem, rowEvent } from './record.js';
import { randomAccess } from './source.js';
import { UnplacedText } from './text.js';
import type { DatasetEvent, Place } from './types.js';

/** Parquet has no text positions: the row's ordinal stands as its line. */
const ordinalPlace = (row: number): Place => ({
  line: row,
  column: 0,
  endLine: row,
  endColumn: 0,
  start: 0,
  end: 0,
});

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Strings that hold JSON lists of messages, as some exporters write them, become lists. */
function unfold(node: RecordNode): RecordNode {
  const fields = new Map(node.fields);
  for (const [key, value] of fields) {
    if (!(value instanceof UnplacedText) || !/^\s*\[\s*\{/.test(value.value)) continue;
    try {
      fields.set(key, nodeOfValue(JSON.parse(value.value)));
    } catch {
      // A text that only looks like JSON stays a text.
    }
  }
  return { kind: 'record', fields };
}

/** Rows of a Parquet file, one row group in memory at a time. A row group that cannot be read is one problem. */
export async function* readParquet(
  file: AsyncBuffer,
  mapping: FieldMapping | undefined,
  signal: AbortSignal | undefined,
  firstRow: number,
): AsyncGenerator<DatasetEvent> {
  let metadata;
  try {
    metadata = await parquetMetadataAsync(file);
  } catch (error) {
    signal?.throwIfAborted();
    yield problem(
      undefined,
      ordinalPlace(0),
      'unreadable',
      `no readable Parquet file: ${reason(error)}`,
    );
    return;
  }
  if (metadata.num_rows === 0n)
    yield problem(undefined, ordinalPlace(0), 'empty-file', 'the Parquet file has no rows');
  let rowStart = 0;
  for (const [g, group] of metadata.row_groups.entries()) {
    const rowEnd = rowStart + Number(group.num_rows);
    const from = Math.max(rowStart, firstRow);
    if (from < rowEnd) {
      signal?.throwIfAborted();
      let rows: Record<string, unknown>[] | undefined;
      try {
        rows = await parquetReadObjects({ file, metadata, compressors, rowStart: from, rowEnd });
      } catch (error) {
        signal?.throwIfAborted();
        const message = `row group ${g} (rows ${from} to ${rowEnd - 1}) cannot be read: ${reason(error)}`;
        yield problem(from, ordinalPlace(from), 'unreadable', message);
      }
      for (const [i, row] of (rows ?? []).entries()) {
        const node = nodeOfValue(row);
        if (node.kind !== 'record') continue;
        yield rowEvent(from + i, ordinalPlace(from + i), unfold(node), mapping);
      }
    }
    rowStart = rowEnd;
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
