import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isText, type DatasetFormat, type DatasetSource, type FieldMapping } from '../formats.js';
import { detectFile } from './detect-file.js';
import { rowCount } from './tasks.js';

/** A file to be read once, with how much of it is read. */
export interface CountedFile {
  readonly source: DatasetSource;
  readonly format: DatasetFormat | undefined;
  /** What it is read with. */
  readonly mapping: FieldMapping | undefined;
  /** Share read in [0, 1]; `end` is the last row's end in the decompressed file, `row` its ordinal. */
  fraction(end: number, row: number): number | null;
}

/** @throws what reading the file throws (no such file, no permission) */
export async function countedFile(path: string, given?: FieldMapping): Promise<CountedFile> {
  const { size } = await stat(path);
  const { format, mapping } = await detectFile(path, given);
  if (format !== undefined && !isText(format.container)) {
    const rows = await rowCount(path).catch(() => 0);
    return {
      source: { path },
      format,
      mapping,
      fraction: (_end, row) => (rows > 0 ? Math.min(1, (row + 1) / rows) : null),
    };
  }
  if (format?.compression === undefined || format.compression === 'none')
    return { source: { path }, format, mapping, fraction: (end) => (size > 0 ? end / size : null) };
  // Inside a compressed file only the compressed bytes tell how far it is.
  let read = 0;
  async function* stream() {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) {
      read += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  }
  return {
    source: { stream: stream(), name: path },
    format,
    mapping,
    fraction: () => (size > 0 ? Math.min(1, read / size) : null),
  };
}
