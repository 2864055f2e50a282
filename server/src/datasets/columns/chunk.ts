import type { AsyncBuffer, ColumnMetaData, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** Bytes that are read ahead of the page at hand. */
const AHEAD = 1 << 18;
/** A header holds the page's least and greatest value: some writers do not shorten them. */
const MAX_HEADER = 1 << 26;
/** Pages are meant to be about 1 MB; the format's own limit is 2 GB. */
const MAX_PAGE = 1 << 30;
/** Values of one page; each takes at least 8 bytes of memory. */
const MAX_VALUES = 1 << 26;

const isCount = (n: unknown, max: number): n is number =>
  typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= max;

export interface Page {
  readonly header: PageHeader;
  /** As in the file: compressed. */
  readonly bytes: Uint8Array;
}

/** The pages of one column in one row group, one after the other. */
export class ChunkReader {
  private offset: number;
  private readonly end: number;
  private window = new Uint8Array(0);
  private windowAt = 0;
  /** The header that stands before `offset`, whose page is not read yet. */
  private pending: PageHeader | undefined;

  constructor(
    private readonly file: AsyncBuffer,
    meta: ColumnMetaData,
  ) {
    const { dictionary_page_offset: dictionary, data_page_offset: data } = meta;
    this.offset = Number(dictionary || data);
    this.end = Math.min(this.offset + Number(meta.total_compressed_size), file.byteLength);
    if (!isCount(this.offset, file.byteLength) || !(this.end >= this.offset))
      throw new Error(`the column is said to begin at byte ${this.offset} of ${file.byteLength}`);
  }

  /** A view of [offset, offset + length); it holds until the next one. */
  private async view(length: number): Promise<Uint8Array> {
    const from = this.offset - this.windowAt;
    if (from < 0 || from + length > this.window.length) {
      const to = Math.min(this.end, this.offset + Math.max(length, AHEAD));
      this.window = new Uint8Array(await this.file.slice(this.offset, to));
      this.windowAt = this.offset;
      return this.window.subarray(0, length);
    }
    return this.window.subarray(from, from + length);
  }

  /** The next page's header; undefined at the end. The page is read by `page` or left out by `pass`. */
  async header(): Promise<PageHeader | undefined> {
    if (this.pending !== undefined) return this.pending;
    for (let size = AHEAD / 4; ; size *= 8) {
      const left = this.end - this.offset;
      if (left <= 1) return undefined;
      const bytes = await this.view(Math.min(size, left));
      const reader = {
        view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
        offset: 0,
      };
      let header;
      try {
        header = parquetHeader(reader);
      } catch (error) {
        if (size < left && size < MAX_HEADER) continue;
        throw error;
      }
      this.offset += reader.offset;
      this.check(header);
      return (this.pending = header);
    }
  }

  private check(header: PageHeader): void {
    const { compressed_page_size: size, uncompressed_page_size: full } = header;
    if (!isCount(size, this.end - this.offset) || !isCount(full, MAX_PAGE))
      throw new Error(`a page is said to have ${size} bytes (${full} decompressed)`);
    const values =
      header.data_page_header?.num_values ??
      header.data_page_header_v2?.num_values ??
      header.dictionary_page_header?.num_values;
    if (!isCount(values, MAX_VALUES)) throw new Error(`a page is said to have ${values} values`);
  }

  /** The bytes of the page whose header was given last. */
  async page(): Promise<Page> {
    const header = this.pending!;
    const bytes = await this.view(header.compressed_page_size);
    this.pass();
    return { header, bytes };
  }

  pass(): void {
    this.offset += this.pending?.compressed_page_size ?? 0;
    this.pending = undefined;
  }
}
