import { type Origin, CR, LF, lineStarts, utf16Length } from './bytes.js';

/** What is known of a byte's places: the next one, and up to where there is none (offsets in the file). */
interface Seen {
  at: number;
  to: number;
}

/**
 * The bytes of a stream that are not consumed yet, with the file position of their beginning.
 * `buf[start, end)` is live; `fill` and `advance` move it. A view of `buf` holds only until the next `fill`.
 */
export class ByteWindow {
  buf: Buffer = Buffer.allocUnsafe(1 << 16);
  start = 0;
  end = 0;
  eof = false;
  /** What ended the stream early, if anything did. */
  failure: unknown;
  private byte: number;
  private line: number;
  private column: number;
  /** The last consumed byte was a CR that a following LF would complete. */
  private afterCr = false;
  private readonly lf: Seen = { at: -1, to: 0 };
  private readonly cr: Seen = { at: -1, to: 0 };

  constructor(
    private readonly source: AsyncIterator<Uint8Array>,
    origin: Origin,
  ) {
    this.byte = origin.byte;
    this.line = origin.line;
    this.column = origin.column;
  }

  get size(): number {
    return this.end - this.start;
  }

  /** Appends the next chunk; false at the end of the stream. Errors end the stream and stay in `failure`. */
  async fill(): Promise<boolean> {
    if (this.eof) return false;
    let chunk: Uint8Array | undefined;
    try {
      const next = await this.source.next();
      if (next.done !== true) chunk = next.value;
    } catch (error) {
      this.failure = error;
    }
    if (chunk === undefined) {
      this.eof = true;
      return false;
    }
    if (this.end + chunk.length > this.buf.length) {
      const need = this.size + chunk.length;
      // Doubling keeps the copies of a long record linear in its length.
      const target = need * 2 > this.buf.length ? Buffer.allocUnsafe(need * 2) : this.buf;
      this.buf.copy(target, 0, this.start, this.end);
      this.buf = target;
      this.end = this.size;
      this.start = 0;
    }
    this.buf.set(chunk, this.end);
    this.end += chunk.length;
    return true;
  }

  /** File position of `start`. */
  position(): Origin {
    if (this.afterCr && (this.start < this.end ? this.buf[this.start] !== LF : this.eof)) {
      this.afterCr = false;
      this.line++;
      this.column = 0;
    }
    return { byte: this.byte, line: this.line, column: this.column };
  }

  /** Consumes n bytes and counts their lines and columns. */
  advance(n: number): void {
    if (n <= 0) return;
    this.position();
    const to = this.start + n;
    this.afterCr = false;
    const starts = lineStarts(this.buf, this.start, to, false);
    const last = starts.at(-1);
    if (last === undefined) {
      this.column += utf16Length(this.buf, this.start, to);
    } else {
      this.line += starts.length;
      this.column = utf16Length(this.buf, last, to);
    }
    this.afterCr = this.buf[to - 1] === CR;
    this.byte += n;
    this.start = to;
  }

  /** Consumes n bytes that are one line with its end. */
  advanceLine(n: number): void {
    this.position();
    this.line++;
    this.column = 0;
    this.afterCr = false;
    this.byte += n;
    this.start += n;
  }

  /** Consumes up to n bytes without cutting a character in two, so that columns stay exact. */
  drop(n: number): void {
    let to = this.start + n;
    for (
      let k = 0;
      k < 3 && to > this.start && to < this.end && (this.buf[to]! & 0xc0) === 0x80;
      k++
    )
      to--;
    if (to === this.end && !this.eof) {
      // The tail may be the beginning of a sequence that the next chunk completes.
      let lead = to - 1;
      while (lead > this.start && to - lead < 4 && (this.buf[lead]! & 0xc0) === 0x80) lead--;
      if (this.buf[lead]! >= 0xc0) to = lead;
    }
    this.advance(to - this.start);
  }

  /** A view of the first n live bytes, and where it begins. */
  view(n: number): { buf: Buffer; origin: Origin } {
    return { buf: this.buf.subarray(this.start, this.start + n), origin: this.position() };
  }

  /**
   * The next line end at or after `from` and what follows it, as offsets from `start`; undefined when it
   * is not there (yet: a CR in the last place may be half of a line end). Ask in ascending order: then
   * every byte is searched once, whichever line ends the file has.
   */
  lineEnd(from: number): { at: number; next: number } | undefined {
    const lf = this.search(LF, this.lf, from);
    const cr = this.search(CR, this.cr, from);
    if (cr < 0 || (lf >= 0 && lf < cr)) return lf < 0 ? undefined : { at: lf, next: lf + 1 };
    if (lf === cr + 1) return { at: cr, next: lf + 1 };
    return cr + 1 < this.size || this.eof ? { at: cr, next: cr + 1 } : undefined;
  }

  private search(b: number, seen: Seen, from: number): number {
    const pos = this.byte + from;
    if (seen.at < pos) {
      const live = this.buf.subarray(this.start, this.end);
      const found = live.indexOf(b, Math.max(pos, seen.to) - this.byte);
      if (found < 0) seen.to = this.byte + this.size;
      else seen.at = this.byte + found;
      return found;
    }
    return seen.at - this.byte;
  }

  /** Consumes what is left of the line, over as many chunks as it takes, but not its end. */
  async dropLine(): Promise<void> {
    for (;;) {
      const end = this.lineEnd(0);
      if (end !== undefined) {
        this.advance(end.at);
        return;
      }
      this.drop(this.size > 0 && this.buf[this.end - 1] === CR ? this.size - 1 : this.size);
      if (await this.fill()) continue;
      this.advance(this.lineEnd(0)?.at ?? this.size);
      return;
    }
  }

  /** Consumes a line end, if one is there. */
  advanceLineEnd(): void {
    const end = this.lineEnd(0);
    if (end?.at === 0) this.advance(end.next);
  }
}
