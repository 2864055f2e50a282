import { parquetRows } from './columns/parquet.js';
import { readCsv } from './csv/reader.js';
import type { Container, TextContainer } from './formats.js';
import type { ByteWindow } from './input/window.js';
import { readJson, readJsonl } from './json/readers.js';
import { readMarkdown } from './markdown/reader.js';
import type { RecordOptions } from './record.js';
import type { DatasetEvent } from './types.js';

/** Who reads the records of a text; each ends at the end of its window and never throws for what it reads. */
export const TEXT_READERS: Readonly<
  Record<TextContainer, (w: ByteWindow, o: RecordOptions) => AsyncGenerator<DatasetEvent>>
> = {
  jsonl: readJsonl,
  json: readJson,
  csv: (w, o) => readCsv(w, 'csv', o),
  tsv: (w, o) => readCsv(w, 'tsv', o),
  markdown: readMarkdown,
};

/** Rows of a file by its footer, without reading them. @throws Error when it has none that can be read */
export const ROW_COUNTS: Readonly<Partial<Record<Container, (path: string) => Promise<number>>>> = {
  parquet: parquetRows,
};
