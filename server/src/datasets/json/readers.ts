import { isSpace, RECORD_SEPARATOR } from './skip.js';
import { between, jsonEvents, oversized, type RecordOptions } from '../record.js';
import type { DatasetEvent } from '../types.js';
import type { ByteWindow } from '../input/window.js';

export { readJson } from './stream.js';

function isBlank(buf: Buffer): boolean {
  for (let i = 0; i < buf.length; i++) if (!isSpace(buf[i]!)) return false;
  return true;
}

/** JSON Lines: one record a line; blank lines are no records. */
export async function* readJsonl(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  let index = o.firstRow;
  let searched = 0;
  for (;;) {
    while (w.size > 0 && w.buf[w.start] === RECORD_SEPARATOR) {
      w.advance(1);
      searched = 0;
    }
    const end = w.lineEnd(searched);
    if (end === undefined && !w.eof && w.size <= o.maxRowBytes) {
      // A CR in the last place is looked at again.
      searched = Math.max(0, w.size - 1);
      await w.fill();
      continue;
    }
    searched = 0;
    const length = end?.at ?? w.size;
    if (length > o.maxRowBytes) {
      const from = w.position();
      await w.dropLine();
      yield oversized(index++, between(from, w.position()), o.maxRowBytes);
      w.advanceLineEnd();
      continue;
    }
    const { buf, origin } = w.view(length);
    if (!isBlank(buf)) {
      // Not yield*: of an array it costs an asynchronous generator three promises an event.
      for (const event of jsonEvents(buf, origin, index++, o, end === undefined)) yield event;
    }
    if (end === undefined) w.advance(length);
    else w.advanceLine(end.next);
    if (end === undefined && w.eof) return;
  }
}
