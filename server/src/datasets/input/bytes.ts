import { isAscii, isUtf8 } from 'node:buffer';
import type { Place } from '../types.js';

/** Where a run of bytes begins in the (decompressed) file: byte offset, zero-based line, UTF-16 column. */
export interface Origin {
  readonly byte: number;
  readonly line: number;
  readonly column: number;
}

export const LF = 10;
export const CR = 13;

/** Is there a byte order mark (U+FEFF) at `pos`? */
export const markAt = (buf: Buffer, pos: number, to: number): boolean =>
  pos + 2 < to && buf[pos] === 0xef && buf[pos + 1] === 0xbb && buf[pos + 2] === 0xbf;

/** UTF-16 code units of buf[from, to) decoded as UTF-8 (an invalid sequence counts as its U+FFFD). */
export function utf16Length(buf: Buffer, from: number, to: number): number {
  if (to <= from) return 0;
  const part = buf.subarray(from, to);
  return isAscii(part) ? to - from : part.toString('utf8').length;
}

/**
 * Length in bytes of the sequence at `i`, after the WHATWG decoder: a valid sequence, or the longest
 * part of an invalid one that decodes to a single U+FFFD. Four bytes always means a valid astral
 * character (two UTF-16 units); everything shorter is one unit.
 */
export function sequenceLength(buf: Buffer, i: number, end: number): number {
  const lead = buf[i]!;
  if (lead < 0xc2 || lead > 0xf4) return 1;
  const need = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
  // The first continuation byte has a narrower range after these leads (no overlongs, no surrogates).
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  let n = 1;
  for (let k = 0; k < need; k++, n++) {
    const b = i + n < end ? buf[i + n]! : 0;
    if (b < (k === 0 ? low : 0x80) || b > (k === 0 ? high : 0xbf)) return n;
  }
  return n;
}

/** Offset of the first byte of buf[from, to) that is no valid UTF-8, or -1. */
export function firstInvalidUtf8(buf: Buffer, from: number, to: number): number {
  if (isUtf8(buf.subarray(from, to))) return -1;
  for (let i = from; i < to;) {
    const lead = buf[i]!;
    if (lead < 0x80) {
      i++;
      continue;
    }
    const n = sequenceLength(buf, i, to);
    const whole = lead < 0xc2 || lead > 0xf4 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (n !== whole) return i;
    i += n;
  }
  return -1;
}

/**
 * Offsets (in buf) just after each line end of buf[from, to). As in the Language Server Protocol, a
 * line ends with LF, CRLF or a lone CR. A CR in the very last place is left for the caller's next
 * bytes to decide unless `final`.
 */
export function lineStarts(buf: Buffer, from: number, to: number, final = true): number[] {
  const starts: number[] = [];
  const view = buf.subarray(0, to);
  let lf = view.indexOf(LF, from);
  let cr = view.indexOf(CR, from);
  while (lf >= 0 || cr >= 0) {
    if (cr >= 0 && (lf < 0 || cr < lf)) {
      if (cr + 1 !== lf && (cr + 1 < to || final)) starts.push(cr + 1);
      cr = view.indexOf(CR, cr + 1);
    } else {
      starts.push(lf + 1);
      lf = view.indexOf(LF, lf + 1);
    }
  }
  return starts;
}

/** Turns byte offsets of one record, buf[from, to), into lines and columns. Cheapest when asked in ascending order. */
export class Locator {
  private starts: number[] | undefined;
  private ascii: boolean | undefined;
  private lastStart = -1;
  private lastPos = 0;
  private lastColumn = 0;

  constructor(
    readonly buf: Buffer,
    readonly from: number,
    readonly to: number,
    readonly origin: Origin,
  ) {}

  /** Are all of the bytes ASCII? Then a byte is a column, and all is valid UTF-8. */
  get isAscii(): boolean {
    return (this.ascii ??= isAscii(this.buf.subarray(this.from, this.to)));
  }

  /** File position of offset `pos` of the buffer. */
  at(pos: number): Origin {
    const line = this.lineOf(pos);
    return {
      byte: this.origin.byte + (pos - this.from),
      line: this.origin.line + line,
      column: this.columnOf(pos, line),
    };
  }

  /** How many lines of the record end at or before `pos`. */
  private lineOf(pos: number): number {
    const starts = (this.starts ??= lineStarts(this.buf, this.from, this.to));
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (starts[mid]! <= pos) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  private columnOf(pos: number, line: number): number {
    const lineStart = line === 0 ? this.from : this.starts![line - 1]!;
    const base = line === 0 ? this.origin.column : 0;
    if (this.isAscii) return base + pos - lineStart;
    if (this.lastStart !== lineStart || this.lastPos > pos) {
      this.lastStart = lineStart;
      this.lastPos = lineStart;
      this.lastColumn = base;
    }
    this.lastColumn += utf16Length(this.buf, this.lastPos, pos);
    this.lastPos = pos;
    return this.lastColumn;
  }

  /** The character at `pos`, as an editor selects it: a whole sequence, a whole line end, nothing at the end. */
  char(pos: number): Place {
    const { buf, from, to } = this;
    if (pos >= to) return this.place(to, to);
    if (buf[pos] === CR && pos + 1 < to && buf[pos + 1] === LF) return this.place(pos, pos + 2);
    if (buf[pos] === LF && pos > from && buf[pos - 1] === CR) return this.place(pos - 1, pos + 1);
    return this.place(pos, pos + (buf[pos]! < 0x80 ? 1 : sequenceLength(buf, pos, to)));
  }

  place(start: number, end: number): Place {
    const { byte, line } = this.origin;
    const [first, last] = [this.lineOf(start), this.lineOf(end)];
    return {
      line: line + first,
      column: this.columnOf(start, first),
      endLine: line + last,
      endColumn: this.columnOf(end, last),
      start: byte + start - this.from,
      end: byte + end - this.from,
    };
  }
}
