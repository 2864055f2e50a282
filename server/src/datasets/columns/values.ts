import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Compressors, ParquetParsers } from 'hyparquet';
import { compressors as pure } from 'hyparquet-compressors';
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { firstInvalidUtf8 } from '../input/bytes.js';

const bounded = (length: number) => ({ maxOutputLength: Math.max(1, length) });

/** Node's own decoders where it has them: they check, and end where the page ends. */
export const compressors: Compressors = {
  ...pure,
  GZIP: (input, length) => gunzipSync(input, bounded(length)),
  BROTLI: (input, length) => brotliDecompressSync(input, bounded(length)),
};

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
  // The library passes on what is absent.
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && (textOf(bytes) as string),
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes && new JsonText(textOf(bytes)),
};
