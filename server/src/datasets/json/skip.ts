import { CR, LF } from '../input/bytes.js';

/** RFC 7464 sets one before each JSON text. */
export const RECORD_SEPARATOR = 0x1e;

export const isSpace = (b: number): boolean => b === 0x20 || b === 0x09 || b === LF || b === CR;

/**
 * Finds the end of one JSON value without parsing it, over as many chunks as it takes. A string ends
 * at a line end even without its quote, and a bracket closes all that it encloses: so a malformed
 * element seldom swallows its neighbours.
 */
export class ValueSkipper {
  private readonly open: number[] = [];
  /** How many of `open` are braces: what is not open is not searched for. */
  private braces = 0;
  private inString = false;
  private escaped = false;
  private begun = false;

  /** Looks at buf[from, to). Gives the offset after the value's last byte, or -1 when it goes on. */
  feed(buf: Buffer, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const b = buf[i]!;
      if (this.inString) {
        if (b === LF || b === CR || (b === 0x22 && !this.escaped)) {
          this.inString = this.escaped = false;
          // A line end is none of the value.
          if (this.open.length === 0) return b === 0x22 ? i + 1 : i;
        } else this.escaped = b === 0x5c && !this.escaped;
        continue;
      }
      if (b === RECORD_SEPARATOR && this.begun) return i; // the next text begins
      if (b === 0x22) {
        if (this.open.length === 0 && this.begun) return i;
        this.inString = true;
      } else if (b === 0x7b || b === 0x5b) {
        if (this.open.length === 0 && this.begun) return i;
        this.open.push(b);
        if (b === 0x7b) this.braces++;
      } else if (b === 0x7d || b === 0x5d) {
        if (!this.close(b === 0x7d)) return this.begun ? i : i + 1; // the enclosing list's end, or a stray one
        if (this.open.length === 0) return i + 1;
      } else if (this.open.length === 0 && (b === 0x2c || isSpace(b))) {
        return i;
      }
      this.begun = true;
    }
    return -1;
  }

  /** Closes down to the last open bracket of the kind; false when there is none. */
  private close(brace: boolean): boolean {
    if (brace ? this.braces === 0 : this.open.length === this.braces) return false;
    for (;;) {
      const b = this.open.pop();
      if (b === 0x7b) this.braces--;
      if ((b === 0x7b) === brace) return true;
    }
  }
}

/** Offset after the white space at `at`. */
export function skipSpace(buf: Buffer, at: number, to: number): number {
  while (at < to && isSpace(buf[at]!)) at++;
  return at;
}
