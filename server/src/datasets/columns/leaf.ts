import type { AsyncBuffer, ColumnMetaData, DecodedArray, SchemaTree } from 'hyparquet';
import { readPage } from 'hyparquet/src/column.js';
import { readDataPage, readDataPageV2 } from 'hyparquet/src/datapage.js';
import {
  getMaxDefinitionLevel,
  getMaxRepetitionLevel,
  isFlatColumn,
} from 'hyparquet/src/schema.js';
import { advanced } from '../input/source.js';
import { ChunkReader, type Page } from './chunk.js';
import { openPage, type OpenPage } from './runs.js';
import { compressors } from './compressors.js';
import { convertValues, parsers, typeOf } from './values.js';

type ColumnDecoder = Parameters<typeof readPage>[2];

/** A dictionary of this many bytes is converted as a whole, a larger one value by value. */
const SMALL_DICTIONARY = 1 << 22;

/** One physical column of a row group: its rows, page by page. */
export abstract class Leaf {
  protected readonly chunk: ChunkReader;
  /** Of pages that are decompressed. */
  protected readonly decoder: ColumnDecoder;
  private raw: DecodedArray | undefined;
  private converted: DecodedArray | undefined;

  constructor(
    file: AsyncBuffer,
    readonly path: readonly string[],
    private readonly packed: ColumnDecoder,
    meta: ColumnMetaData,
  ) {
    this.decoder = { ...packed, codec: 'UNCOMPRESSED' };
    this.chunk = new ChunkReader(file, meta);
  }

  /** Rows that can be taken without reading on. */
  abstract get available(): number;
  /** How many of the first `rows` have no more than `bytes` bytes of text; at least one. */
  abstract within(rows: number, bytes: number): number;
  abstract take(rows: number): unknown[];
  protected abstract drop(rows: number): void;
  protected abstract decode(page: OpenPage): void;
  /** The chunk has ended. */
  protected finish(): void {}
  /** Rows of a page as its header has them, where it does. */
  protected abstract rowsOf(header: Page['header']): number | undefined;

  /** Reads one more page; false when there is none. */
  async fill(): Promise<boolean> {
    for (;;) {
      const header = await this.chunk.header();
      if (header === undefined) {
        this.finish();
        return false;
      }
      if (header.type === 'DICTIONARY_PAGE') this.learn(await this.chunk.page());
      else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
        this.decode(openPage(await this.chunk.page(), this.packed));
        advanced();
        return true;
      } else if (header.type === 'INDEX_PAGE') this.chunk.pass();
      else throw new Error('a page is of no type that is known');
    }
  }

  /** Passes over rows; pages that hold none of the others are not decoded where that can be known. */
  async skip(rows: number): Promise<void> {
    for (let left = rows; left > 0;) {
      if (this.available > 0) {
        const n = Math.min(left, this.available);
        this.drop(n);
        left -= n;
        continue;
      }
      const header = await this.chunk.header();
      const held = header && this.rowsOf(header);
      if (held !== undefined && held > 0 && held <= left) {
        this.chunk.pass();
        left -= held;
      } else if (!(await this.fill()) && this.available === 0) return;
    }
  }

  private learn({ header, bytes }: Page): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const result = readPage({ view, offset: 0 }, header, this.packed, undefined, undefined, 0);
    this.raw = result.data;
    this.converted =
      this.raw && header.uncompressed_page_size <= SMALL_DICTIONARY
        ? convertValues(this.raw, this.decoder)
        : undefined;
  }

  /** The dictionary, converted. */
  protected get dictionary(): DecodedArray | undefined {
    return (this.converted ??= this.raw && convertValues(this.raw, this.decoder));
  }

  /** Entries of the dictionary by their numbers. */
  protected entries(numbers: ArrayLike<number>): unknown[] {
    if (this.raw === undefined) throw new Error('a page refers to a dictionary that is not there');
    const { converted, raw } = this;
    return Array.from(numbers, (n) =>
      converted !== undefined
        ? (converted[n] as unknown)
        : n < raw.length
          ? (convertValues(raw.slice(n, n + 1), this.decoder)[0] as unknown)
          : undefined,
    );
  }
}

/** A column of single values: they are converted when they are taken, so that a large page is never all texts. */
class FlatLeaf extends Leaf {
  private levels: ArrayLike<number> = [];
  private values: DecodedArray = [];
  private numbered = false;
  private row = 0;
  private value = 0;
  private rows = 0;
  private readonly full: number;

  constructor(...args: ConstructorParameters<typeof Leaf>) {
    super(...args);
    this.full = getMaxDefinitionLevel(this.decoder.schemaPath);
  }

  get available(): number {
    return this.rows - this.row;
  }

  protected rowsOf(header: Page['header']): number | undefined {
    return header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values;
  }

  protected decode({ header, bytes }: OpenPage): void {
    const { data_page_header: v1, data_page_header_v2: v2 } = header;
    const page =
      v1 !== undefined
        ? readDataPage(bytes, v1, this.decoder)
        : readDataPageV2(bytes, header, this.decoder);
    this.levels = page.definitionLevels ?? [];
    this.values = page.dataPage;
    this.numbered = (v1 ?? v2)?.encoding.endsWith('_DICTIONARY') === true;
    this.rows = v1?.num_values ?? v2?.num_values ?? 0;
    this.row = 0;
    this.value = 0;
  }

  private present(row: number): boolean {
    return this.levels.length === 0 || this.levels[row] === this.full;
  }

  within(rows: number, bytes: number): number {
    if (this.numbered || !ArrayBuffer.isView(this.values[0])) return rows;
    let weight = 0;
    for (let i = 0, v = this.value; i < rows; i++) {
      if (!this.present(this.row + i)) continue;
      weight += (this.values[v++] as Uint8Array | undefined)?.byteLength ?? 0;
      if (weight > bytes) return Math.max(1, i);
    }
    return rows;
  }

  take(rows: number): unknown[] {
    const from = this.value;
    const first = this.row;
    this.drop(rows);
    const raw = this.values.slice(from, this.value) as DecodedArray;
    const made = this.numbered
      ? this.entries(raw as ArrayLike<number>)
      : Array.from(convertValues(raw, this.decoder) as ArrayLike<unknown>);
    if (made.length === rows) return made;
    let next = 0;
    return Array.from({ length: rows }, (_, i) => (this.present(first + i) ? made[next++] : null));
  }

  protected drop(rows: number): void {
    let present = 0;
    if (this.levels.length === 0) present = rows;
    else for (let i = 0; i < rows; i++) if (this.present(this.row + i)) present++;
    this.row += rows;
    this.value += present;
    if (this.value > this.values.length)
      throw new Error(`a page holds ${this.values.length} values, fewer than it says`);
  }
}

/** A column inside lists or objects: a page is assembled as a whole. */
class NestedLeaf extends Leaf {
  private rows: unknown[] = [];
  private first = 0;
  private ended = false;
  private readonly repeated: boolean;

  constructor(...args: ConstructorParameters<typeof Leaf>) {
    super(...args);
    this.repeated = getMaxRepetitionLevel(this.decoder.schemaPath) > 0;
  }

  /** The last row of a page may go on in the next one. */
  get available(): number {
    const held = this.repeated && !this.ended ? 1 : 0;
    return Math.max(0, this.rows.length - this.first - held);
  }

  protected rowsOf(header: Page['header']): number | undefined {
    // A row that is held back belongs before the page.
    if (this.rows.length > this.first) return undefined;
    return this.repeated
      ? header.data_page_header_v2?.num_rows
      : (header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values);
  }

  protected decode({ header, bytes }: OpenPage): void {
    if ((header.data_page_header ?? header.data_page_header_v2)?.num_values === 0) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const held = this.rows.slice(this.first);
    const before = this.repeated ? (held as DecodedArray) : undefined;
    const { data } = readPage(
      { view, offset: 0 },
      header,
      this.decoder,
      this.dictionary,
      before,
      0,
    );
    const rows = Array.from((data ?? []) as ArrayLike<unknown>);
    this.rows = this.repeated ? rows : [...held, ...rows];
    this.first = 0;
  }

  protected override finish(): void {
    this.ended = true;
  }

  within(rows: number): number {
    return rows;
  }

  take(rows: number): unknown[] {
    const taken = this.rows.slice(this.first, this.first + rows);
    this.drop(rows);
    return taken;
  }

  protected drop(rows: number): void {
    this.first += rows;
  }
}

export function leafOf(file: AsyncBuffer, schemaPath: SchemaTree[], meta: ColumnMetaData): Leaf {
  const { element } = schemaPath.at(-1)!;
  const path = meta.path_in_schema;
  const decoder: ColumnDecoder = {
    pathInSchema: path,
    type: meta.type,
    element: typeOf(element),
    schemaPath,
    codec: meta.codec,
    parsers,
    compressors,
    // What is not said to be text may be: `clean` looks at the bytes.
    utf8: false,
  };
  return isFlatColumn(schemaPath)
    ? new FlatLeaf(file, path, decoder, meta)
    : new NestedLeaf(file, path, decoder, meta);
}
