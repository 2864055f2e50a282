import type { Meaning, Schema } from '../formats.js';
import type { ByteWindow } from '../input/window.js';
import type { RecordOptions } from '../record.js';
import type { DatasetEvent } from '../types.js';

/** A file that is read at any place of it, not from its beginning on. */
export interface WholeFile {
  /** Where it lies on disk, uncompressed; absent: `bytes` are collected. */
  readonly path: string | undefined;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** For messages. */
  readonly name: string;
  readonly meaning: Meaning;
  readonly maxRowBytes: number;
  /** Ordinal of the first row that is wanted. */
  readonly firstRow: number;
  readonly signal: AbortSignal | undefined;
}

/** Who reads the records of a text; it ends at the end of its window and never throws for what it reads. */
export interface TextReader {
  text(window: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent>;
  looks?: Looks;
}

/** Who reads a file that is no text. */
export interface FileReader {
  file(file: WholeFile): AsyncGenerator<DatasetEvent>;
  looks?: Looks;
  /** Its bytes may begin as those of a file that is no data set: for that it is not looked at. */
  readonly anyBytes?: true;
  /** Rows of a file by its footer, without reading them. @throws Error when it has none that can be read */
  count?(path: string): Promise<number>;
}

/**
 * What the records mean of a file that is surely of this format by its first bytes (256 KiB at most); undefined for
 * all others. Only where no constant `magic` of `FORMATS` tells.
 */
export type Looks = (head: Buffer) => Schema | undefined;

export type FormatReader = TextReader | FileReader;
