import { type Locator } from './bytes.js';
import { PlacedText, type TextNode } from './text.js';

/** A list of values. */
export interface ListNode {
  readonly kind: 'list';
  readonly items: readonly ValueNode[];
}
/** An object; of equal keys the last one holds, as in JSON.parse. */
export interface RecordNode {
  readonly kind: 'record';
  readonly fields: ReadonlyMap<string, ValueNode>;
}
/** A number, boolean or null. */
export interface ScalarNode {
  readonly kind: 'scalar';
  readonly value: number | bigint | boolean | null;
}
/** The reader-independent form of a record: what rows.ts understands. */
export type ValueNode = TextNode | ListNode | RecordNode | ScalarNode;

/** Malformed JSON: `pos` is an offset in the parsed buffer. */
export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly pos: number,
    /** The input ended before the value did. */
    readonly truncated: boolean,
  ) {
    super(message);
  }
}

/** A key that an object holds twice; offsets of the second one's characters. */
export interface DuplicateKey {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** Deeper than any dataset, far from the end of the stack. */
export const MAX_DEPTH = 512;

const NULL: ScalarNode = { kind: 'scalar', value: null };
const TRUE: ScalarNode = { kind: 'scalar', value: true };
const FALSE: ScalarNode = { kind: 'scalar', value: false };
const isDigit = (b: number | undefined): boolean => b !== undefined && b >= 0x30 && b <= 0x39;
const show = (b: number): string =>
  b >= 0x21 && b < 0x7f
    ? `'${String.fromCharCode(b)}'`
    : `byte 0x${b.toString(16).padStart(2, '0')}`;

/**
 * One JSON value with the place of every string. Strings are checked at once and decoded only when
 * read, so that long fields that nobody wants cost one scan. (jsonc-parser's visitor works on
 * JavaScript strings: byte offsets would need a second pass, and it is several times slower.)
 */
class Parser {
  readonly duplicates: DuplicateKey[] = [];
  pos: number;

  constructor(private readonly locator: Locator) {
    this.pos = locator.from;
  }

  fail(expected: string): never {
    const { buf, to } = this.locator;
    if (this.pos >= to) {
      throw new JsonSyntaxError(`the record ends where ${expected} was expected`, to, true);
    }
    throw new JsonSyntaxError(
      `found ${show(buf[this.pos]!)}, expected ${expected}`,
      this.pos,
      false,
    );
  }

  space(): void {
    const { buf, to } = this.locator;
    for (; this.pos < to; this.pos++) {
      const b = buf[this.pos]!;
      if (b !== 0x20 && b !== 0x0a && b !== 0x0d && b !== 0x09) return;
    }
  }

  /** At the opening quote; leaves `pos` after the closing one. Gives the offset of the content's end. */
  string(): number {
    const { buf, to } = this.locator;
    let i = this.pos + 1;
    for (;;) {
      if (i >= to) {
        throw new JsonSyntaxError('the record ends inside a string', to, true);
      }
      const b = buf[i]!;
      if (b === 0x22) break;
      if (b < 0x20) {
        this.pos = i;
        this.fail('an escape (raw control characters are not allowed in a JSON string)');
      }
      if (b !== 0x5c) {
        i++;
        continue;
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
      } else if ('"\\/bfnrt'.includes(String.fromCharCode(e))) {
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
    const { buf } = this.locator;
    const start = this.pos;
    if (buf[this.pos] === 0x2d) this.pos++;
    if (buf[this.pos] === 0x30) this.pos++;
    else this.digits();
    if (buf[this.pos] === 0x2e) {
      this.pos++;
      this.digits();
    }
    if (((buf[this.pos] ?? 0) | 0x20) === 0x65) {
      this.pos++;
      if (buf[this.pos] === 0x2b || buf[this.pos] === 0x2d) this.pos++;
      this.digits();
    }
    return { kind: 'scalar', value: Number(buf.toString('latin1', start, this.pos)) };
  }

  word(word: string, node: ScalarNode): ScalarNode {
    for (let k = 0; k < word.length; k++, this.pos++) {
      if (this.pos >= this.locator.to || this.locator.buf[this.pos] !== word.charCodeAt(k)) {
        this.fail(`'${word}'`);
      }
    }
    return node;
  }

  value(depth: number): ValueNode {
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
      return b === 0x7b ? this.object(depth + 1) : this.array(depth + 1);
    }
    if (b === 0x2d || isDigit(b)) return this.number();
    if (b === 0x74) return this.word('true', TRUE);
    if (b === 0x66) return this.word('false', FALSE);
    if (b === 0x6e) return this.word('null', NULL);
    return this.fail('a JSON value');
  }

  array(depth: number): ListNode {
    const { buf, to } = this.locator;
    const items: ValueNode[] = [];
    this.pos++;
    this.space();
    if (this.pos < to && buf[this.pos] === 0x5d) {
      this.pos++;
      return { kind: 'list', items };
    }
    for (;;) {
      items.push(this.value(depth));
      this.space();
      const b = this.pos < to ? buf[this.pos] : -1;
      if (b !== 0x2c && b !== 0x5d) this.fail("',' or ']'");
      this.pos++;
      if (b === 0x5d) return { kind: 'list', items };
    }
  }

  object(depth: number): RecordNode {
    const { buf, to } = this.locator;
    const fields = new Map<string, ValueNode>();
    this.pos++;
    this.space();
    if (this.pos < to && buf[this.pos] === 0x7d) {
      this.pos++;
      return { kind: 'record', fields };
    }
    for (;;) {
      this.space();
      if (this.pos >= to || buf[this.pos] !== 0x22) this.fail('a key in double quotes');
      const start = this.pos + 1;
      const end = this.string();
      const key = new PlacedText(this.locator, start, end, 'json').value;
      this.space();
      if (this.pos >= to || buf[this.pos] !== 0x3a) this.fail("':'");
      this.pos++;
      const value = this.value(depth);
      if (fields.has(key)) this.duplicates.push({ key, start, end });
      fields.set(key, value);
      this.space();
      const b = this.pos < to ? buf[this.pos] : -1;
      if (b !== 0x2c && b !== 0x7d) this.fail("',' or '}'");
      this.pos++;
      if (b === 0x7d) return { kind: 'record', fields };
    }
  }
}

export interface ParsedJson {
  readonly node: ValueNode;
  readonly duplicates: readonly DuplicateKey[];
  /** Offsets of the value without the white space around it. */
  readonly start: number;
  readonly end: number;
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
  if (parser.pos < locator.to) parser.fail('the end of the record');
  return { node, duplicates: parser.duplicates, start, end };
}
