import { markAt, type Locator } from '../input/bytes.js';
import { decodeText, PlacedText } from '../text.js';
import {
  JsonSyntaxError,
  type DuplicateKey,
  type ListNode,
  type RecordNode,
  type ScalarNode,
  type ValueNode,
} from './nodes.js';
import { FOREIGN, show } from './words.js';

export {
  JsonSyntaxError,
  type DuplicateKey,
  type ListNode,
  type RecordNode,
  type ScalarNode,
  type ValueNode,
} from './nodes.js';

/** Deeper than any dataset, far from the end of the stack. */
const MAX_DEPTH = 512;

/** What may stand after a backslash, but u. */
const ESCAPES = new Uint8Array(256);
for (const c of Buffer.from('"\\/bfnrt')) ESCAPES[c] = 1;
/** What stands for itself in a string. */
const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[0x22] = PLAIN[0x5c] = 0;
/** A field whose object has texts of the data as keys: BIG-bench's answers with their scores. */
const KEYED = 'target_scores';
const NULL: ScalarNode = { kind: 'scalar', value: null };
const NAN: ScalarNode = { kind: 'scalar', value: Number.NaN };
const isDigit = (b: number | undefined): boolean => b !== undefined && b >= 0x30 && b <= 0x39;
/**
 * One JSON value with the place of every string. Strings are checked at once and decoded only when
 * read, so that long fields that nobody wants cost one scan. (jsonc-parser's visitor works on
 * JavaScript strings: byte offsets would need a second pass, and it is several times slower.)
 */
class Parser {
  readonly duplicates: DuplicateKey[] = [];
  /** Offsets of byte order marks between values. */
  readonly marks: number[] = [];
  pos: number;

  constructor(private readonly locator: Locator) {
    this.pos = locator.from;
  }

  fail(expected: string): never {
    const { buf, to } = this.locator;
    if (this.pos >= to) {
      throw new JsonSyntaxError(`the record ends where ${expected} was expected`, to, true);
    }
    const foreign = FOREIGN.find(
      ([word]) => buf.toString('latin1', this.pos, this.pos + word.length) === word,
    );
    const hint = foreign === undefined ? '' : ` (${foreign[1]})`;
    throw new JsonSyntaxError(
      `found ${show(this.locator, this.pos)}, expected ${expected}${hint}`,
      this.pos,
      false,
    );
  }

  space(): void {
    const { buf, to } = this.locator;
    for (; this.pos < to; this.pos++) {
      const b = buf[this.pos]!;
      if (b === 0x20 || b === 0x0a || b === 0x0d || b === 0x09) continue;
      if (b !== 0xef || !markAt(buf, this.pos, to)) return;
      this.marks.push(this.pos);
      this.pos += 2;
    }
  }

  /** At the opening quote; leaves `pos` after the closing one. Gives the offset of the content's end. */
  string(): number {
    const { buf, to } = this.locator;
    let i = this.pos + 1;
    for (;;) {
      while (i < to && PLAIN[buf[i]!] === 1) i++;
      if (i >= to) {
        throw new JsonSyntaxError('the record ends inside a string', to, true);
      }
      const b = buf[i]!;
      if (b === 0x22) break;
      if (b < 0x20) {
        this.pos = i;
        this.fail('an escape (raw control characters are not allowed in a JSON string)');
      }
      const e = buf[i + 1] ?? 0;
      if (i + 1 >= to) throw new JsonSyntaxError('the record ends inside an escape', to, true);
      if (e === 0x75) {
        for (let k = 2; k < 6; k++) {
          if (i + k >= to) throw new JsonSyntaxError('the record ends inside an escape', to, true);
          const h = buf[i + k]! | 0x20;
          if (!isDigit(buf[i + k]) && !(h >= 0x61 && h <= 0x66)) {
            this.pos = i + k;
            this.fail('four hexadecimal digits after \\u');
          }
        }
        i += 6;
      } else if (ESCAPES[e] === 1) {
        i += 2;
      } else {
        this.pos = i + 1;
        this.fail('one of " \\ / b f n r t u after a backslash');
      }
    }
    this.pos = i + 1;
    return i;
  }

  digits(): void {
    if (!isDigit(this.locator.buf[this.pos]) || this.pos >= this.locator.to) this.fail('a digit');
    while (this.pos < this.locator.to && isDigit(this.locator.buf[this.pos])) this.pos++;
  }

  number(): ScalarNode {
    const { buf, to } = this.locator;
    const start = this.pos;
    const at = (): number => (this.pos < to ? buf[this.pos]! : -1);
    if (at() === 0x2d) this.pos++;
    if (at() === 0x49)
      return this.word('Infinity', buf[start] === 0x2d ? -Infinity : Infinity, start);
    if (at() === 0x30) this.pos++;
    else this.digits();
    if (at() === 0x2e) {
      this.pos++;
      this.digits();
    }
    if ((at() | 0x20) === 0x65) {
      this.pos++;
      if (at() === 0x2b || at() === 0x2d) this.pos++;
      this.digits();
    }
    const value = Number(buf.toString('latin1', start, this.pos));
    return { kind: 'scalar', value, text: this.written(start) };
  }

  written(start: number): PlacedText {
    return new PlacedText(this.locator, start, this.pos, 'raw');
  }

  expectWord(word: string): void {
    const { buf, to } = this.locator;
    if (
      this.pos + word.length <= to &&
      buf.toString('latin1', this.pos, this.pos + word.length) === word
    )
      this.pos += word.length;
    else {
      // Where it ends to be the word, if it begins like it.
      for (let k = 0; k < word.length && this.pos < to && buf[this.pos] === word.charCodeAt(k); k++)
        this.pos++;
      this.fail(`'${word}'`);
    }
  }

  word(word: string, value: boolean | number, start = this.pos): ScalarNode {
    this.expectWord(word);
    return { kind: 'scalar', value, text: this.written(start) };
  }

  /** @param keys takes the keys of the value itself, where it is an object */
  value(depth: number, keys?: PlacedText[]): ValueNode {
    this.space();
    const { buf, to } = this.locator;
    const b = this.pos < to ? buf[this.pos]! : -1;
    if (b === 0x22) {
      const start = this.pos + 1;
      return new PlacedText(this.locator, start, this.string(), 'json');
    }
    if (b === 0x7b || b === 0x5b) {
      if (depth >= MAX_DEPTH) {
        throw new JsonSyntaxError(`nested deeper than ${MAX_DEPTH} levels`, this.pos, false);
      }
      return b === 0x7b ? this.object(depth + 1, keys) : this.array(depth + 1);
    }
    // Python's json writes NaN and Infinity, which JSON has not.
    if (b === 0x2d || b === 0x49 || isDigit(b)) return this.number();
    if (b === 0x74) return this.word('true', true);
    if (b === 0x66) return this.word('false', false);
    if (b === 0x6e || b === 0x4e) {
      // `None` is no NaN.
      if (b === 0x4e && buf[this.pos + 1] !== 0x61) this.fail('a JSON value');
      this.expectWord(b === 0x6e ? 'null' : 'NaN');
      return b === 0x6e ? NULL : NAN;
    }
    return this.fail('a JSON value');
  }

  array(depth: number): ListNode {
    const { buf, to } = this.locator;
    const items: ValueNode[] = [];
    const start = this.pos++;
    this.space();
    if (this.pos < to && buf[this.pos] === 0x5d) {
      return { kind: 'list', items, start, end: ++this.pos };
    }
    for (;;) {
      items.push(this.value(depth));
      this.space();
      const b = this.pos < to ? buf[this.pos] : -1;
      if (b !== 0x2c && b !== 0x5d) this.fail("',' or ']'");
      this.pos++;
      if (b === 0x5d) return { kind: 'list', items, start, end: this.pos };
    }
  }

  object(depth: number, keys?: PlacedText[]): RecordNode {
    const { buf, to } = this.locator;
    const fields = new Map<string, ValueNode>();
    const from = this.pos++;
    this.space();
    if (this.pos < to && buf[this.pos] === 0x7d) {
      return { kind: 'record', fields, start: from, end: ++this.pos };
    }
    for (;;) {
      this.space();
      if (this.pos >= to || buf[this.pos] !== 0x22) this.fail('a key in double quotes');
      const start = this.pos + 1;
      const end = this.string();
      const key = decodeText(buf, start, end, 'json');
      this.space();
      if (this.pos >= to || buf[this.pos] !== 0x3a) this.fail("':'");
      this.pos++;
      keys?.push(new PlacedText(this.locator, start, end, 'json'));
      const value = this.value(depth, key === KEYED ? [] : undefined);
      if (fields.has(key)) this.duplicates.push({ key, start, end });
      fields.set(key, value);
      this.space();
      const b = this.pos < to ? buf[this.pos] : -1;
      if (b !== 0x2c && b !== 0x7d) this.fail("',' or '}'");
      this.pos++;
      if (b === 0x7d)
        return { kind: 'record', fields, start: from, end: this.pos, ...(keys && { keys }) };
    }
  }
}

export interface ParsedJson {
  readonly node: ValueNode;
  readonly duplicates: readonly DuplicateKey[];
  /** Offsets of the value without the white space around it. */
  readonly start: number;
  readonly end: number;
  /** What stands around the value and is none of it; offsets. */
  readonly stray: readonly Stray[];
}

/** A byte order mark, or a comma after a record: the value is read without it. */
export interface Stray {
  readonly kind: 'mark' | 'comma';
  readonly pos: number;
}

/**
 * Parses the whole of a locator's range as one JSON value.
 * @throws JsonSyntaxError
 */
export function parseJson(locator: Locator): ParsedJson {
  const parser = new Parser(locator);
  parser.space();
  const start = parser.pos;
  const node = parser.value(0);
  const end = parser.pos;
  parser.space();
  let comma = -1;
  if (parser.pos < locator.to && locator.buf[parser.pos] === 0x2c) {
    comma = parser.pos++;
    parser.space();
    if (parser.pos < locator.to) parser.pos = comma;
  }
  if (parser.pos < locator.to) parser.fail('the end of the record');
  const stray = parser.marks.map((pos): Stray => ({ kind: 'mark', pos }));
  if (comma >= 0) stray.push({ kind: 'comma', pos: comma });
  return { node, duplicates: parser.duplicates, start, end, stray };
}
