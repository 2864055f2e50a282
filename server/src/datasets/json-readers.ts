import { CR, LF } from './bytes.js';
import type { FieldMapping } from './formats.js';
import { between, jsonEvents, oversized, problem } from './record.js';
import type { DatasetEvent } from './types.js';
import type { ByteWindow } from './window.js';

export interface RecordOptions {
  readonly mapping: FieldMapping | undefined;
  readonly maxRowBytes: number;
  /** Ordinal of the first record. */
  readonly firstRow: number;
}

const isSpace = (b: number): boolean => b === 0x20 || b === 0x09 || b === LF || b === CR;
function isBlank(buf: Buffer): boolean {
  for (const b of buf) if (!isSpace(b)) return false;
  return true;
}

/** JSON Lines: one record a line; blank lines are no records. */
export async function* readJsonl(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  let index = o.firstRow;
  let searched = 0;
  for (;;) {
    const lf = w.indexOfLf(searched);
    if (lf < 0 && !w.eof && w.size <= o.maxRowBytes) {
      searched = w.size;
      await w.fill();
      continue;
    }
    searched = 0;
    const length = lf < 0 ? w.size : lf;
    if (length > o.maxRowBytes) {
      const from = w.position();
      for (let at = lf; ; at = w.indexOfLf(0)) {
        w.drop(at < 0 ? w.size : at);
        if (at >= 0 || !(await w.fill())) break;
      }
      w.drop(w.eof && w.indexOfLf(0) < 0 ? w.size : 0);
      yield oversized(index++, between(from, w.position()), o.maxRowBytes);
      w.advance(Math.min(1, w.size));
      continue;
    }
    if (length > 0) {
      const { buf, origin } = w.view(
        lf > 0 && w.buf[w.start + lf - 1] === CR ? length - 1 : length,
      );
      if (!isBlank(buf)) {
        yield* jsonEvents(buf, origin, index++, o.mapping, lf < 0);
      }
    }
    w.advance(lf < 0 ? length : length + 1);
    if (lf < 0) return;
  }
}

/**
 * Finds the end of one JSON value without parsing it, over as many chunks as it takes. A string ends
 * at a line end even without its quote, and a bracket closes all that it encloses: so a malformed
 * element seldom swallows its neighbours.
 */
class ValueSkipper {
  private readonly open: number[] = [];
  private inString = false;
  private escaped = false;
  private begun = false;

  /** Looks at buf[from, to). Gives the offset after the value's last byte, or -1 when it goes on. */
  feed(buf: Buffer, from: number, to: number): number {
    for (let i = from; i < to; i++) {
      const b = buf[i]!;
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (b === 0x5c) this.escaped = true;
        else if (b === 0x22 || b === LF) {
          this.inString = false;
          if (this.open.length === 0) return i + 1;
        }
        continue;
      }
      if (b === 0x22) {
        this.inString = true;
      } else if (b === 0x7b || b === 0x5b) {
        this.open.push(b);
      } else if (b === 0x7d || b === 0x5d) {
        const at = this.open.lastIndexOf(b === 0x7d ? 0x7b : 0x5b);
        if (at < 0) return this.begun ? i : i + 1; // the enclosing array's end, or a stray bracket
        this.open.length = at;
        if (at === 0) return i + 1;
      } else if (this.open.length === 0 && (b === 0x2c || isSpace(b))) {
        return i;
      }
      this.begun = true;
    }
    return -1;
  }
}

/**
 * A JSON array element by element, or one or more values in sequence (a single object, objects
 * printed over several lines). Never holds more than one element.
 */
export async function* readJson(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  let index = o.firstRow;
  let inArray = false;
  let closed = false;
  for (;;) {
    let skip = 0;
    const head = (): number => (w.start + skip < w.end ? w.buf[w.start + skip]! : -1);
    while (head() >= 0 && (isSpace(head()) || (inArray && head() === 0x2c))) skip++;
    w.advance(skip);
    skip = 0;
    if (head() < 0) {
      if (await w.fill()) continue;
      break;
    }
    if (head() === 0x5b && !inArray && !closed && index === o.firstRow) {
      inArray = true;
      w.advance(1);
      continue;
    }
    if (head() === 0x5d && inArray) {
      inArray = false;
      closed = true;
      w.advance(1);
      continue;
    }
    const skipper = new ValueSkipper();
    const from = w.position();
    let fed = 0;
    let end = -1;
    let dropped = false;
    for (;;) {
      end = skipper.feed(w.buf, w.start + fed, w.end);
      if (end >= 0) break;
      fed = w.size;
      if (fed > o.maxRowBytes) {
        dropped = true;
        w.drop(fed);
        fed = w.size;
      }
      if (!(await w.fill())) break;
    }
    const length = end < 0 ? w.size : end - w.start;
    if (dropped || length > o.maxRowBytes) {
      w.advance(length);
      yield oversized(index++, between(from, w.position()), o.maxRowBytes);
    } else {
      const { buf, origin } = w.view(length);
      yield* jsonEvents(buf, origin, index++, o.mapping, end < 0);
      w.advance(length);
    }
  }
  if (inArray) {
    const at = w.position();
    yield problem(
      undefined,
      between(at, at),
      'truncated-line',
      "the file ends inside its array; expected ',' or ']'",
    );
  }
}
