import { type Origin, LF, CR, Locator, sequenceLength } from './input/bytes.js';
import type { Place } from './types.js';

/**
 * How a text is written in its file:
 * `json` inside a JSON string (backslash escapes), `csv` inside a quoted cell (doubled quotes),
 * `lines` in running text whose CRLF line ends mean LF, `raw` as it is.
 */
export type TextEncoding = 'json' | 'csv' | 'lines' | 'raw';

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

/** The text that buf[from, to) stands for. `json` must be valid JSON string content. */
export function decodeText(buf: Buffer, from: number, to: number, encoding: TextEncoding): string {
  const raw = buf.toString('utf8', from, to);
  if (encoding === 'json') return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
  if (encoding === 'csv') return raw.includes('""') ? raw.replaceAll('""', '"') : raw;
  if (encoding === 'lines') return raw.includes('\r') ? raw.replaceAll('\r\n', '\n') : raw;
  return raw;
}

/** Walks from decoded offset `at.offset` (at byte `at.pos`) to decoded offset `target`; gives its byte. */
function walk(
  buf: Buffer,
  end: number,
  encoding: TextEncoding,
  at: { offset: number; pos: number },
  target: number,
): number {
  let { offset, pos } = at;
  // What begins no sequence of several bytes here; most characters do not.
  const special =
    encoding === 'json' ? BACKSLASH : encoding === 'csv' ? QUOTE : encoding === 'lines' ? CR : 0x80;
  while (offset < target && pos < end) {
    const from = pos;
    const to = Math.min(end, pos + target - offset);
    while (pos < to && buf[pos]! < 0x80 && buf[pos] !== special) pos++;
    offset += pos - from;
    if (pos === to) break;
    const b = buf[pos]!;
    let bytes = 1;
    let units = 1;
    if (b >= 0x80) {
      bytes = sequenceLength(buf, pos, end);
      if (bytes === 4) units = 2;
    } else if (b === BACKSLASH && encoding === 'json') {
      bytes = buf[pos + 1] === 0x75 ? 6 : 2;
    } else if (b === QUOTE && encoding === 'csv' && buf[pos + 1] === QUOTE && pos + 1 < end) {
      bytes = 2;
    } else if (b === CR && encoding === 'lines' && buf[pos + 1] === LF && pos + 1 < end) {
      bytes = 2;
    }
    // An offset in the middle of a raw astral character has no byte of its own: stay before it.
    if (offset + units > target) break;
    offset += units;
    pos += bytes;
  }
  return pos;
}

/**
 * A text of a record with the way back to the file: `place(from, to)` covers the decoded characters
 * [from, to) (UTF-16 units) as they are written.
 */
export class PlacedText {
  readonly kind = 'text';
  private decoded: string | undefined;
  private cursor: { offset: number; pos: number } | undefined;

  constructor(
    private readonly locator: Locator,
    readonly from: number,
    readonly to: number,
    private readonly encoding: TextEncoding,
  ) {}

  get value(): string {
    return (this.decoded ??= decodeText(this.locator.buf, this.from, this.to, this.encoding));
  }

  /** Byte offset, in the record's buffer, of a decoded offset. */
  byteOf(offset: number): number {
    if (offset >= this.value.length) return this.to;
    if (this.value.length === this.to - this.from) return this.from + offset; // one byte a unit
    let { cursor } = this;
    if (cursor === undefined || cursor.offset > offset) cursor = { offset: 0, pos: this.from };
    const pos = walk(this.locator.buf, this.to, this.encoding, cursor, offset);
    this.cursor = { offset, pos };
    return pos;
  }

  place(from = 0, to = this.value.length): Place {
    // Nothing between CR and LF stands before both: an editor has no position there.
    if (from === to && from > 0 && this.value[from] === '\n' && this.value[from - 1] === '\r')
      from = --to;
    const start = this.byteOf(from);
    const place = this.locator.place(start, this.byteOf(to));
    // Two quotes in a cell without quotes around it are two.
    return this.encoding === 'raw' && this.value.includes('""') ? { ...place, raw: true } : place;
  }
}

/** Text without a place: a Parquet cell. */
export class UnplacedText implements TextNode {
  readonly kind = 'text';
  constructor(readonly value: string) {}
  place(): undefined {
    return undefined;
  }
}

/** A text of a record, however its file holds it. */
export interface TextNode {
  readonly kind: 'text';
  readonly value: string;
  /** Where the decoded characters [from, to) stand, as one text that `createPlaceMap` decodes. */
  place(from?: number, to?: number): Place | undefined;
  /** Of a text that is escaped more than once: where it stands, as a mere range. */
  nestedPlace?(from?: number, to?: number): Place | undefined;
}

/** From offsets in a decoded text to positions in its file. */
export interface PlaceMap {
  /** The decoded text. */
  readonly text: string;
  /** Position of the decoded UTF-16 offset. */
  at(offset: number): Origin;
  /** The written range of the decoded range [from, to). */
  place(from: number, to: number): Place;
}

/**
 * A map from the inside of a decoded text to the file.
 * @param bytes the file's bytes [place.start, place.end)
 * @param place the text's place, as a reader gave it
 * @param encoding how it is written: `json` for JSON forms, `csv` for CSV and TSV, `lines` for Markdown
 */
export function createPlaceMap(bytes: Uint8Array, place: Place, encoding: TextEncoding): PlaceMap {
  const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const locator = new Locator(buf, 0, buf.length, {
    byte: place.start,
    line: place.line,
    column: place.column,
  });
  const text = new PlacedText(locator, 0, buf.length, place.raw === true ? 'raw' : encoding);
  return {
    text: text.value,
    at: (offset) => locator.at(text.byteOf(offset)),
    place: (from, to) => text.place(from, to),
  };
}
