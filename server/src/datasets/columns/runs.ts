import type { PageHeader } from 'hyparquet';
import type { readDataPage } from 'hyparquet/src/datapage.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';

type ColumnDecoder = Parameters<typeof readDataPage>[2];

/** A data page as the library reads it at once: decompressed, and its runs counted. */
export interface OpenPage {
  readonly header: PageHeader;
  readonly bytes: Uint8Array;
}

/** The header of a page that is compressed no more. */
const sized = (header: PageHeader, { length }: Uint8Array): PageHeader => ({
  ...header,
  compressed_page_size: length,
  uncompressed_page_size: length,
});

/** Bits of a number up to `most`. */
const widthOf = (most: number): number => 32 - Math.clz32(most);

/**
 * Walks over runs (Parquet's hybrid of run lengths and packed bits), whose counts come from the file: the library
 * follows them, whatever they say. A writer may fill up its last packed run, to 63 groups of eight.
 * @param width bits of a value; @param values that are to come; @param exact else there may be fewer
 */
function checkRuns(
  bytes: Uint8Array,
  width: number,
  values: number,
  { exact }: { readonly exact: boolean },
): void {
  for (let [at, seen] = [0, 0]; seen < values;) {
    let [run, scale] = [0, 1];
    for (let more = true; more; scale *= 128) {
      if (at >= bytes.length && !exact) return;
      if (at >= bytes.length || scale > 2 ** 28)
        throw new Error(`a page ends after ${seen} of ${values} values`);
      run += (bytes[at]! & 0x7f) * scale;
      more = bytes[at++]! >= 0x80;
    }
    const packed = run % 2 === 1;
    const count = packed ? ((run - 1) / 2) * 8 : run / 2;
    if (seen + count > values + (packed ? 504 : 7))
      throw new Error(`a page is said to have ${values} values, and holds ${seen + count} or more`);
    at += packed ? (count / 8) * width : Math.ceil(width / 8);
    seen += count;
  }
}

/**
 * Decompresses a data page.
 * @throws Error where its runs hold other counts of values than its header
 */
export function openPage(
  { header, bytes }: { readonly header: PageHeader; readonly bytes: Uint8Array },
  { codec, compressors, schemaPath, type }: ColumnDecoder,
): OpenPage {
  const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = header;
  if (v1?.encoding === undefined && v2?.encoding === undefined)
    throw new Error('a page is encoded in no way that is known');
  const widths = [getMaxRepetitionLevel(schemaPath), getMaxDefinitionLevel(schemaPath)].map(
    widthOf,
  );
  const dictionary = (v1 ?? v2)!.encoding.endsWith('_DICTIONARY');
  const checkNumbers = (numbers: Uint8Array, most: number): void => {
    if (!dictionary || type === 'BOOLEAN') return;
    const width = numbers[0] ?? 0;
    if (width > 32) throw new Error(`a page has numbers of ${width} bits, expected 32 at most`);
    // Of absent values there is none: the levels tell how many.
    if (width > 0) checkRuns(numbers.subarray(1), width, most, { exact: false });
  };
  if (v1 !== undefined) {
    const page = decompressPage(bytes, size, codec, compressors);
    const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
    let at = 0;
    for (const width of widths) {
      if (width === 0) continue;
      const length = at + 4 <= page.length ? view.getUint32(at, true) : Number.NaN;
      if (!(at + 4 + length <= page.length)) throw new Error('a page ends inside its levels');
      checkRuns(page.subarray(at + 4, at + 4 + length), width, v1.num_values, { exact: true });
      at += 4 + length;
    }
    checkNumbers(page.subarray(at), v1.num_values);
    return { header: sized(header, page), bytes: page };
  }
  if (v2 === undefined) return { header, bytes };
  const lengths = [v2.repetition_levels_byte_length ?? 0, v2.definition_levels_byte_length ?? 0];
  const levels = lengths[0]! + lengths[1]!;
  const nulls = v2.num_nulls;
  if (
    !lengths.every((n) => n >= 0) ||
    levels > bytes.length ||
    !(nulls >= 0 && nulls <= v2.num_values)
  )
    throw new Error(`a page is said to have ${levels} bytes of levels and ${nulls} absent values`);
  let at = 0;
  for (const [i, width] of widths.entries()) {
    if (width > 0)
      checkRuns(bytes.subarray(at, at + lengths[i]!), width, v2.num_values, { exact: true });
    at += lengths[i]!;
  }
  const rest = bytes.subarray(levels);
  const page =
    v2.is_compressed === false ? rest : decompressPage(rest, size - levels, codec, compressors);
  checkNumbers(page, v2.num_values - nulls);
  const all = new Uint8Array(levels + page.length);
  all.set(bytes.subarray(0, levels));
  all.set(page, levels);
  return {
    header: { ...sized(header, all), data_page_header_v2: { ...v2, is_compressed: false } },
    bytes: all,
  };
}
