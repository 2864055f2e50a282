import { messageOf } from '../../errors.js';
import { ordinalPlace, parquetRows, readParquet } from '../columns/parquet.js';
import { randomAccess } from '../input/source.js';
import { problem } from '../record.js';
import type { DatasetEvent } from '../types.js';
import type { FileReader, WholeFile } from './reader.js';

async function* read(file: WholeFile): AsyncGenerator<DatasetEvent> {
  const { path, bytes, name, meaning, signal, firstRow } = file;
  let access;
  try {
    access = await randomAccess(path, bytes, signal);
  } catch (error) {
    signal?.throwIfAborted();
    const message = `${name} cannot be read: ${messageOf(error)}`;
    yield problem(undefined, ordinalPlace(0), 'unreadable', message);
    return;
  }
  try {
    yield* readParquet(access.file, name, meaning, signal, firstRow);
  } finally {
    await access.close();
  }
}

export const reader: FileReader = { file: read, count: parquetRows };
