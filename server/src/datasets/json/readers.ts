import { isSpace, RECORD_SEPARATOR } from './skip.js';
import { between, jsonEvents, oversized, type RecordOptions } from '../record.js';
import type { DatasetEvent } from '../types.js';
import type { ByteWindow } from '../input/window.js';

export { readJson } from './stream.js';

function isBlank(buf: Buffer): boolean {
  for (let i = 0; i < buf.length; i++) if (!isSpace(buf[i]!)) return false;
  return true;
}

/** Why a reading of lines stops: for more bytes, at a record that is too long, or at the end. */
type Halt = 'bytes' | 'oversized' | 'end';

/** JSON Lines: one record a line; blank lines are no records. A line at a time, without a promise for each. */
export class JsonLines {
  /** Ordinal of the next record. */
  index: number;
  private searched = 0;
  private ended = false;

  constructor(
    private readonly w: ByteWindow,
    private readonly o: RecordOptions,
  ) {
    this.index = o.firstRow;
  }

  /** The events of the next line; of a blank one none. Before the next call what it halts for is to be done. */
  next(): readonly DatasetEvent[] | Halt {
    const { w, o } = this;
    if (this.ended) return 'end';
    while (w.size > 0 && w.buf[w.start] === RECORD_SEPARATOR) {
      w.advance(1);
      this.searched = 0;
    }
    const end = w.lineEnd(this.searched);
    if (end === undefined && !w.eof && w.size <= o.maxRowBytes) {
      // A CR in the last place is looked at again.
      this.searched = Math.max(0, w.size - 1);
      return 'bytes';
    }
    this.searched = 0;
    const length = end?.at ?? w.size;
    if (length > o.maxRowBytes) return 'oversized';
    const { buf, origin } = w.view(length);
    const events = isBlank(buf) ? [] : jsonEvents(buf, origin, this.index++, o, end === undefined);
    if (end === undefined) {
      w.advance(length);
      this.ended = true;
    } else w.advanceLine(end.next);
    return events;
  }

  /** Passes over a record that is too long; what is to be said of it. */
  async pass(): Promise<DatasetEvent> {
    const { w, o } = this;
    const from = w.position();
    await w.dropLine();
    const event = oversized(this.index++, between(from, w.position()), o.maxRowBytes);
    w.advanceLineEnd();
    return event;
  }
}

export async function* readJsonl(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  const lines = new JsonLines(w, o);
  for (let next = lines.next(); next !== 'end'; next = lines.next()) {
    if (next === 'bytes') await w.fill();
    else if (next === 'oversized') yield lines.pass();
    // Not yield*: of an array it costs an asynchronous generator three promises an event.
    else for (const event of next) yield event;
  }
  o.ended?.(lines.index);
}
