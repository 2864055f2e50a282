// csv-parse reports the bytes of a record, not of its cells, and unquotes in the same pass; a place
// inside a cell needs where its content begins and whether quotes are doubled. Hence a tokenizer.
import { CR, LF } from '../input/bytes.js';

const QUOTE = 0x22;

export interface Cell {
  /** Content, inside the quotes. */
  readonly start: number;
  readonly end: number;
  readonly quoted: boolean;
}

export type Scan =
  | {
      readonly kind: 'record';
      readonly cells: readonly Cell[];
      readonly end: number;
      readonly next: number;
    }
  /** `at`: the offending byte; `opening`: the beginning of its cell. */
  | {
      readonly kind: 'bad';
      readonly at: number;
      readonly message: string;
      readonly opening: number;
      readonly truncated: boolean;
    }
  /** `opening`: the beginning of the cell that goes on. */
  | { readonly kind: 'more'; readonly opening: number };

/**
 * One record at the beginning of `buf` (RFC 4180, any of the three line ends).
 * @param final nothing follows `buf`; @param quotes cells may be enclosed in quotes
 */
export function scanCsvRecord(buf: Buffer, delimiter: number, final: boolean, quotes = true): Scan {
  const cells: Cell[] = [];
  const to = buf.length;
  let i = 0;
  for (;;) {
    const opening = i;
    const quoted = quotes && buf[i] === QUOTE && i < to;
    let start = i;
    let end: number;
    if (quoted) {
      start = ++i;
      for (;;) {
        i = buf.indexOf(QUOTE, i);
        if (i < 0 || (i + 1 >= to && !final)) {
          if (!final) return { kind: 'more', opening };
          if (i < 0)
            return {
              kind: 'bad',
              at: opening,
              message: 'this quoted cell is never closed; expected a closing quote',
              opening,
              truncated: true,
            };
        }
        if (i + 1 < to && buf[i + 1] === QUOTE) i += 2;
        else break;
      }
      end = i++;
    } else {
      while (i < to && buf[i] !== delimiter && buf[i] !== LF && buf[i] !== CR) i++;
      end = i;
    }
    if (i >= to && !final) return { kind: 'more', opening };
    cells.push({ start, end, quoted });
    const b = i < to ? buf[i]! : -1;
    if (b === delimiter) {
      i++;
      continue;
    }
    if (b === CR && i + 1 >= to && !final) return { kind: 'more', opening };
    if (b === -1 || b === LF || b === CR) {
      const next = b === -1 ? i : b === CR && buf[i + 1] === LF ? i + 2 : i + 1;
      return { kind: 'record', cells, end: i, next };
    }
    return {
      kind: 'bad',
      at: i,
      message:
        'text after the closing quote of a cell; expected the delimiter or the line end (a quote inside a cell is doubled)',
      opening,
      truncated: false,
    };
  }
}
