// Arrow IPC, as `datasets.save_to_disk` of Hugging Face, Feather and Polars write it.
import { open } from 'node:fs/promises';
import {
  CompressionType,
  compressionRegistry,
  RecordBatchReader,
  type RecordBatch,
} from 'apache-arrow';
import { messageOf } from '../../errors.js';
import type { Meaning } from '../formats.js';
import { unlz4 } from '../input/decompress/lz4.js';
import { unzstdWhole } from '../input/decompress/zstd.js';
import type { ValueNode } from '../json/tree.js';
import { holdsAll, plain } from './arrow-values.js';
import { doubled, ordinalPlace } from './parquet.js';
import { nodeOfValue } from './plain-values.js';
import { problem, rowEvents } from '../record.js';
import { advanced } from '../input/source.js';
import type { DatasetEvent } from '../types.js';

/** A buffer of a record batch holds as much at most; the readers' memory has its own limit. */
const MAX_BUFFER = 1 << 30;
compressionRegistry.set(CompressionType.LZ4_FRAME, { decode: (data) => unlz4(data, MAX_BUFFER) });
compressionRegistry.set(CompressionType.ZSTD, { decode: (data) => unzstdWhole(data, MAX_BUFFER) });

function* rowsOf(
  batch: RecordBatch,
  first: number,
  from: number,
  o: Meaning,
): Generator<DatasetEvent> {
  const held = batch.data.children.every((data) => data.length === batch.numRows && holdsAll(data));
  if (!held)
    throw new Error(
      `a batch has ${batch.numRows} rows by its header, and columns that hold less (is the file damaged?)`,
    );
  const columns = batch.schema.fields.map((field, c) => [field.name, batch.getChildAt(c)] as const);
  for (let i = Math.max(0, from - first); i < batch.numRows; i++) {
    const fields = new Map<string, ValueNode>();
    for (const [name, column] of columns)
      fields.set(name, nodeOfValue(plain(column?.get(i), column?.type)));
    yield* rowEvents(first + i, ordinalPlace(first + i), { kind: 'record', fields }, o);
  }
}

/**
 * Rows of an Arrow file or stream, batch by batch; what cannot be read on is one problem.
 * @param path of a plain file, of which one batch is in memory; else `bytes` are read as they come
 */
export async function* readArrow(
  path: string | undefined,
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  { mapping, aside }: Meaning,
  signal: AbortSignal | undefined,
  from: number,
): AsyncGenerator<DatasetEvent> {
  const handle = path === undefined ? undefined : await open(path, 'r');
  let next = 0;
  try {
    const reader = await (handle === undefined
      ? RecordBatchReader.from(bytes)
      : RecordBatchReader.from(handle));
    let told = false;
    for await (const batch of reader) {
      signal?.throwIfAborted();
      advanced();
      if (!told && from === 0) yield* doubled(batch.schema.fields.map((field) => field.name));
      told = true;
      yield* rowsOf(batch, next, from, { mapping, aside });
      next += batch.numRows;
    }
    if (next === 0)
      yield problem(undefined, ordinalPlace(0), 'empty-file', 'the Arrow file has no rows');
  } catch (error) {
    signal?.throwIfAborted();
    // The library walks into damaged bytes and falls over what it finds there.
    const walked = error instanceof TypeError || error instanceof RangeError;
    const why = walked ? 'its bytes are no Arrow data (is the file damaged?)' : messageOf(error);
    const message = `${name} cannot be read on: from row ${next} on: ${why}`;
    yield problem(next, ordinalPlace(next), 'unreadable', message);
  } finally {
    await handle?.close().catch(() => undefined); // the library may have closed it
  }
}
