import { CR, LF, Locator, markAt } from '../input/bytes.js';
import type { RecordOptions } from '../record.js';
import { opensMessages, rowAhead, tableEvents, wrapsRows } from './ahead.js';
import { RECORD_SEPARATOR, skipSpace, ValueSkipper } from './skip.js';
import { between, jsonEvents, oversized, problem, STRAY } from '../record.js';
import type { DatasetEvent } from '../types.js';
import type { ByteWindow } from '../input/window.js';

const COMMA = 0x2c;
const COLON = 0x3a;
const QUOTE = 0x22;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
/** How far to look for what a list or an object holds. */
const AHEAD = 1 << 20;
const WORDS = ['true', 'false', 'null', 'NaN', 'Infinity'];

/**
 * The records of a JSON file: the elements of a list; the values of a sequence (a single object, objects
 * over several lines, lists one after another); the elements of lists inside an object (`{"data": […]}`);
 * the rows of a table written as one object. Never holds more than one element, or one such table.
 */
export async function* readJson(w: ByteWindow, o: RecordOptions): AsyncGenerator<DatasetEvent> {
  yield* new JsonStream(w, o).events();
}

class JsonStream {
  private index: number;
  private within: 'file' | 'list' | 'wrapper' = 'file';
  /** The list stands in an object of lists. */
  private wrapped = false;
  /** Objects open inside the wrapper. */
  private inner = 0;
  /** In a list: at its beginning or after a comma. */
  private separated = true;
  /** At the file's first value: only that may be a wrapper or a table. */
  private first = true;
  private said: DatasetEvent[] = [];
  private readonly told = new Set<string>();

  constructor(
    private readonly w: ByteWindow,
    private readonly o: RecordOptions,
  ) {
    this.index = o.firstRow;
  }

  async *events(): AsyncGenerator<DatasetEvent> {
    const { w } = this;
    for (let b = await this.head(); b >= 0; b = await this.head()) {
      if (this.within === 'wrapper') yield* this.member(b);
      else if (b === COMMA) this.comma();
      else if (b === LIST_END && this.within === 'list') this.close();
      else if (b === LIST && this.within === 'file' && !(await this.ahead(opensMessages))) {
        this.open();
      } else if (b === OBJECT && this.first && (await this.ahead(wrapsRows))) {
        this.within = 'wrapper';
        w.advance(1);
      } else yield* this.value(b);
      this.first = false;
      if (this.said.length > 0) yield* this.said.splice(0);
    }
    yield* this.said.splice(0);
    if (this.within === 'file') return;
    const at = w.position();
    const [what, expected] =
      this.within === 'list' ? ['list', "',' or ']'"] : ['object', "a key or '}'"];
    const message = `the file ends inside its ${what}; expected ${expected}`;
    yield problem(undefined, between(at, at), 'truncated-line', message);
  }

  /** The byte after white space, or -1 at the end of the file. */
  private async head(): Promise<number> {
    const { w } = this;
    for (;;) {
      const to = skipSpace(w.buf, w.start, w.end);
      w.advance(to - w.start);
      if (w.size === 0 || (w.buf[w.start] === 0xef && w.size < 3)) {
        if (await w.fill()) continue;
        if (w.size === 0) return -1;
      }
      if (this.within === 'file' && w.buf[w.start] === RECORD_SEPARATOR) {
        w.advance(1);
        continue;
      }
      if (!markAt(w.buf, w.start, w.end)) return w.buf[w.start]!;
      this.tell('mark', 3, STRAY.mark);
      w.advance(3);
    }
  }

  /** A problem of what stands between records, at the next `length` bytes; the first of its kind is told. */
  private tell(kind: string, length: number, message: string): void {
    if (this.told.has(kind)) return;
    this.told.add(kind);
    const { w } = this;
    const { buf, origin } = w.view(Math.min(length, w.size));
    const place = new Locator(buf, 0, buf.length, origin).place(0, buf.length);
    this.said.push(problem(undefined, place, 'stray-text', message));
  }

  private comma(): void {
    if (this.within === 'file')
      this.tell(
        'outside',
        1,
        "found ',' outside of a list; it is left out. Expected a list of records, or records with nothing between them",
      );
    else if (this.separated)
      this.tell('comma', 1, "found ',', expected an element of the list; the comma is left out");
    this.separated = true;
    this.w.advance(1);
  }

  private open(): void {
    this.within = 'list';
    this.separated = true;
    this.w.advance(1);
    this.opened = true;
  }
  /** No element was read since the list's beginning. */
  private opened = false;

  private close(): void {
    if (this.separated && !this.opened)
      this.tell('trailing', 1, "found ']' after ',', expected an element; the comma is left out");
    this.within = this.wrapped ? 'wrapper' : 'file';
    this.w.advance(1);
  }

  /** What `look` says of the bytes from here on, which it may ask for more of. */
  private async ahead(
    look: (buf: Buffer, o: RecordOptions, whole: boolean) => unknown,
  ): Promise<boolean> {
    const { w } = this;
    for (let asked = 0; ;) {
      if (w.size >= asked * 2 || w.eof) {
        const found = look(w.buf.subarray(w.start, w.end), this.o, w.eof);
        if (found !== undefined || w.eof || w.size > AHEAD) return Boolean(found);
        asked = w.size;
      }
      await w.fill();
    }
  }

  /** In an object of lists: a key with its value, which is a list of rows or passed over. */
  private async *member(b: number): AsyncGenerator<DatasetEvent> {
    const { w } = this;
    if (b === COMMA || b === OBJECT_END) {
      if (b === OBJECT_END && this.inner > 0) this.inner--;
      else if (b === OBJECT_END) {
        this.within = 'file';
        this.wrapped = false;
      }
      w.advance(1);
      return;
    }
    if (b !== QUOTE) {
      yield* this.garbage("a key in double quotes, ',' or '}'");
      return;
    }
    await this.pass();
    if ((await this.head()) !== COLON) return;
    w.advance(1);
    const value = await this.head();
    if (value === LIST && (await this.ahead(rowAhead))) {
      this.wrapped = true;
      this.open();
    } else if (value === OBJECT && this.inner < 2 && (await this.ahead(wrapsRows))) {
      this.inner++;
      w.advance(1);
    } else if (value >= 0 && value !== OBJECT_END && value !== COMMA) await this.pass();
  }

  /** Consumes a value that nobody reads. */
  private async pass(): Promise<void> {
    const { w } = this;
    const skipper = new ValueSkipper();
    for (;;) {
      const end = skipper.feed(w.buf, w.start, w.end);
      if (end >= 0) {
        w.advance(Math.max(1, end - w.start));
        return;
      }
      w.advance(w.size);
      if (!(await w.fill())) return;
    }
  }

  /** Is what stands here the beginning of a value? */
  private async begins(b: number): Promise<boolean> {
    if (b === QUOTE || b === OBJECT || b === LIST || b === 0x2d || (b >= 0x30 && b <= 0x39))
      return true;
    const { w } = this;
    while (w.size < 9 && (await w.fill()));
    const text = w.buf.toString('latin1', w.start, Math.min(w.end, w.start + 9));
    return WORDS.some((word) => text.startsWith(word));
  }

  private async *value(b: number): AsyncGenerator<DatasetEvent> {
    const { w, o } = this;
    if (!(await this.begins(b))) {
      yield* this.garbage(this.within === 'list' ? "an element, ',' or ']'" : 'a JSON value');
      return;
    }
    if (this.within === 'list' && !this.separated)
      this.tell('missing', 1, "found an element without ',' before it; expected ',' or ']'");
    this.separated = this.opened = false;
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
      yield oversized(this.index++, between(from, w.position()), o.maxRowBytes);
      return;
    }
    const { buf, origin } = w.view(length);
    const table = this.first && b === OBJECT ? tableEvents(buf, origin, this.index, o) : undefined;
    if (table !== undefined) {
      this.index += table.rows;
      yield* table.events;
    } else {
      for (const event of jsonEvents(buf, origin, this.index++, o, end < 0)) yield event;
    }
    w.advance(length);
  }

  /** What is no value, up to the line's end or where something begins. */
  private async *garbage(expected: string): AsyncGenerator<DatasetEvent> {
    const { w } = this;
    const ends = (b: number): boolean =>
      b === LF || b === CR || b === OBJECT || b === LIST || (this.within !== 'file' && b === COMMA) ||
      (this.within === 'list' && b === LIST_END) || (this.within === 'wrapper' && (b === OBJECT_END || b === QUOTE)); // prettier-ignore
    const from = w.position();
    const b = w.buf[w.start]!;
    while (w.size < 4 && (await w.fill()));
    const length = new Locator(w.buf, w.start, w.end, from).char(w.start).end - from.byte;
    const found = w.buf.toString('utf8', w.start, w.start + length);
    const shown =
      b === 0
        ? 'a NUL byte (the file may be damaged)'
        : found === '\ufffd' || /[\p{C}\p{Z}]/u.test(found)
          ? `byte 0x${b.toString(16).padStart(2, '0')}`
          : `'${found}'`;
    w.advance(length);
    for (;;) {
      let at = w.start;
      while (at < w.end && !ends(w.buf[at]!)) at++;
      const there = at < w.end;
      w.drop(at - w.start);
      if (there || !(await w.fill())) break;
    }
    if (w.eof && w.size > 0 && !ends(w.buf[w.start]!)) w.advance(w.size);
    const message = `malformed JSON: found ${shown}, expected ${expected}`;
    yield problem(this.index++, between(from, w.position()), 'malformed-row', message);
  }
}
