import { isUtf8 } from 'node:buffer';
import type { DecodedArray, ParquetParsers, SchemaElement } from 'hyparquet';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { firstInvalidUtf8 } from '../input/bytes.js';
import { dateText, decimalText, timeText } from './scalars.js';

/** A text with bytes that are no UTF-8: U+FFFD stands in their place. */
export class DamagedText {
  constructor(
    readonly text: string,
    /** The first bad byte and where it stands in the text's bytes. */
    readonly byte: number,
    readonly offset: number,
  ) {}
}

function textOf(bytes: Uint8Array): string | DamagedText {
  const buf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buf.toString('utf8');
  if (isUtf8(buf)) return text;
  const at = firstInvalidUtf8(buf, 0, buf.length);
  return new DamagedText(text, buf[at] ?? 0, at);
}

/** A JSON column's text stays one until its row is made: what cannot be parsed is text. */
export class JsonText {
  constructor(readonly text: string | DamagedText) {}
}

export const parsers: ParquetParsers = {
  ...DEFAULT_PARSERS,
  dateFromDays: (days: number) => dateText(Number(days) * 86_400_000),
  timestampFromMilliseconds: (ms: bigint) => timeText(Number(ms)),
  timestampFromMicroseconds: (us: bigint) => timeText(Number(us / 1000n)),
  timestampFromNanoseconds: (ns: bigint) => timeText(Number(ns / 1_000_000n)),
  // The library passes on what is absent.
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && (textOf(bytes) as string),
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && new JsonText(textOf(bytes)),
};

/** Kinds of bytes that nobody reads as text; the library gives up on some of them, and with them on their rows. */
const OPAQUE = new Set(['BSON', 'INTERVAL', 'GEOMETRY', 'GEOGRAPHY']);

/** A column's type as the library is to take it: what it cannot read stays bytes. */
export function typeOf(element: SchemaElement): SchemaElement {
  const { converted_type: old, logical_type: logical, ...plain } = element;
  return OPAQUE.has(old ?? '') || OPAQUE.has(logical?.type ?? '') ? plain : element;
}

/** A column's values; decimals as they are written, for doubles hold no 38 digits. */
export function convertValues(
  data: DecodedArray,
  decoder: Parameters<typeof convert>[1],
): DecodedArray {
  const { converted_type: type, scale = 0 } = decoder.element;
  if (type !== 'DECIMAL') return convert(data, decoder);
  return Array.from(data as ArrayLike<unknown>, (value) =>
    value === undefined ? undefined : decimalText(unscaled(value), scale),
  ) as DecodedArray;
}

/** A decimal's whole number: itself, or its bytes, the greatest first. */
const unscaled = (value: unknown): bigint =>
  value instanceof Uint8Array
    ? BigInt.asIntN(value.length * 8, BigInt(`0x0${Buffer.from(value).toString('hex')}`))
    : BigInt(value as number | bigint);
