import { Locator, utf16Length } from '../input/bytes.js';
import { JsonSyntaxError, parseJson, type ValueNode } from '../json/tree.js';
import type { TextNode } from '../text.js';
import { firstChar, roleName } from '../markdown/transcript.js';
import type { Place } from '../types.js';
import { NotUnderstood, ROLES, TEXTS, textOf } from './fields.js';

/** Offsets of a decoded text's UTF-8 bytes as UTF-16 units; cheapest in ascending order. */
class Units {
  private at = 0;
  private units = 0;
  constructor(private readonly buf: Buffer) {}
  of(pos: number): number {
    if (pos < this.at) this.at = this.units = 0;
    this.units += utf16Length(this.buf, this.at, pos);
    this.at = pos;
    return this.units;
  }
}

/**
 * A text of JSON that stands inside another text. Its place in the file is composed of both; it is
 * escaped twice there, so it is no `place` of a turn, which is escaped once, but a piece.
 */
class NestedText implements TextNode {
  readonly kind = 'text';
  constructor(
    private readonly inner: TextNode & { byteOf?(offset: number): number },
    private readonly outer: TextNode,
    private readonly units: Units,
  ) {}
  get value(): string {
    return this.inner.value;
  }
  place(): undefined {
    return undefined;
  }
  nestedPlace(from = 0, to = this.value.length): Place | undefined {
    if (this.inner.byteOf === undefined) return undefined;
    const [a, b] = [this.inner.byteOf(from), this.inner.byteOf(to)].map((p) => this.units.of(p));
    return this.outer.place(a, b) ?? this.outer.nestedPlace?.(a, b);
  }
}

export type Nested =
  | { readonly ok: true; readonly node: ValueNode }
  /** `at`: where in the outer text JSON ends to be JSON. */
  | { readonly ok: false; readonly message: string; readonly at: number };

/** A text read as JSON, with the places of its texts in the file. */
export function parseNested(text: TextNode): Nested {
  const buf = Buffer.from(text.value);
  const units = new Units(buf);
  const place = (node: ValueNode): ValueNode => {
    switch (node.kind) {
      case 'text':
        return new NestedText(node, text, units);
      case 'scalar':
        return node.text === undefined
          ? node
          : { ...node, value: node.value, text: new NestedText(node.text, text, units) };
      case 'list':
        return { kind: 'list', items: node.items.map(place) };
      case 'record':
        return { kind: 'record', fields: new Map([...node.fields].map(([k, v]) => [k, place(v)])) };
    }
  };
  try {
    const locator = new Locator(buf, 0, buf.length, { byte: 0, line: 0, column: 0 });
    return { ok: true, node: place(parseJson(locator).node) };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { ok: false, message: error.message, at: units.of(error.pos) };
  }
}

const has = (record: ReadonlyMap<string, ValueNode>, names: readonly string[]): boolean =>
  names.some((name) => record.has(name));
const known = (role: ValueNode | undefined): boolean => {
  const text = textOf(role);
  return text !== undefined && roleName(text.value) !== undefined;
};
const roleOf = (record: ReadonlyMap<string, ValueNode>): ValueNode | undefined =>
  ROLES.map((name) => record.get(name)).find((n) => n !== undefined);

/** A list of messages, or an object with a list of roles and one of contents. */
export function isMessages(node: ValueNode): boolean {
  if (node.kind === 'record') {
    const roles = roleOf(node.fields);
    return (
      roles?.kind === 'list' &&
      roles.items.some(known) &&
      TEXTS.some((name) => node.fields.get(name)?.kind === 'list')
    );
  }
  if (node.kind !== 'list' || node.items.length === 0) return false;
  const more = [...TEXTS, 'parts', 'tool_calls', 'function_call', 'refusal'];
  const messages = node.items.every(
    (m) => m.kind === 'record' && textOf(roleOf(m.fields)) !== undefined && has(m.fields, more),
  );
  return messages && node.items.some((m) => m.kind === 'record' && known(roleOf(m.fields)));
}

const PYTHON = /^\s*(?:array\(\s*)?[[({]\s*(?:\{\s*)?'[^'\n]{1,40}'\s*:/;
const DAMAGED =
  /^\s*(?:\[\s*\{\s*"(?:role|from|content|value)"\s*:\s*"|\{\s*"(?:role|from|content|value)"\s*:\s*\[)/;

/**
 * Messages that a string holds as JSON become structure; every other text stays a text, JSON or not:
 * an answer may well be a list or an object.
 * @throws NotUnderstood where the text is clearly meant as messages and cannot be read as such
 */
export function unfold(node: ValueNode, field: string): ValueNode {
  if (node.kind !== 'text') return node;
  const { value } = node;
  const first = firstChar(value);
  if (first !== '[' && first !== '{' && first !== '(' && first !== 'a') return node;
  if (PYTHON.test(value)) {
    const role = /'(?:role|from)'\s*:/.test(value);
    if (role && /'(?:content|value)'\s*:/.test(value)) {
      const message = `${field} holds a list of messages in Python's notation ({'role': …}); expected JSON ({"role": …}): write the list itself, or json.dumps(list), not str(list)`;
      throw new NotUnderstood(message, node.place() ?? node.nestedPlace?.());
    }
    return node;
  }
  if (first !== '[' && first !== '{') return node;
  // An answer of JSON is common and long; a list of messages names its roles.
  if (!/"(?:role|from|speaker|author)"\s*:/.test(value)) return node;
  const inner = parseNested(node);
  if (inner.ok) return isMessages(inner.node) ? inner.node : node;
  const role = /"(?:role|from)"\s*:\s*\[?\s*"([^"\\]{1,40})"/.exec(value)?.[1];
  const meant = DAMAGED.test(value) && role !== undefined && roleName(role) !== undefined;
  if (!meant) return node;
  const end = Math.min(value.length, inner.at + 1);
  throw new NotUnderstood(
    `${field} begins as a list of messages and is malformed JSON: ${inner.message}`,
    node.place(inner.at, end) ?? node.nestedPlace?.(inner.at, end),
  );
}
