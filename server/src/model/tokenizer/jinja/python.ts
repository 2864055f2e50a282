/** Python's str, repr, ==, < and json.dumps of a template's values. */
import type { Budget } from './budget.js';
import {
  Bool,
  Float,
  Func,
  Int,
  isDict,
  isList,
  isNamespace,
  isNumber,
  isStr,
  isTuple,
  isUndefined,
  None,
  number,
  typeName,
  type Value,
} from './values.js';

/** repr of a float: the shortest digits, an exponent below 1e-4 and from 1e16 on. */
function floatText(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x < 0 ? '-inf' : 'inf';
  if (Object.is(x, -0)) return '-0.0';
  const [mantissa, exponent] = x.toExponential().split('e') as [string, string];
  const e = Number(exponent);
  if (x !== 0 && (e < -4 || e >= 16)) {
    return `${mantissa}e${e < 0 ? '-' : '+'}${String(Math.abs(e)).padStart(2, '0')}`;
  }
  const text = Math.abs(x) < 1e-6 && x !== 0 ? x.toFixed(20).replace(/0+$/, '') : String(x);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const NOT_PRINTED = /[\p{C}\p{Z}]/u;

function stringRepr(s: string): string {
  const quote = s.includes("'") && !s.includes('"') ? '"' : "'";
  let out = '';
  for (const c of s) {
    const code = c.codePointAt(0)!;
    if (c === '\\' || c === quote) out += `\\${c}`;
    else if (c === '\n') out += '\\n';
    else if (c === '\r') out += '\\r';
    else if (c === '\t') out += '\\t';
    else if (c !== ' ' && NOT_PRINTED.test(c)) {
      const hex = code.toString(16);
      out +=
        code < 0x100
          ? `\\x${hex.padStart(2, '0')}`
          : code < 0x10000
            ? `\\u${hex.padStart(4, '0')}`
            : `\\U${hex.padStart(8, '0')}`;
    } else out += c;
  }
  return quote + out + quote;
}

export function repr(v: Value, budget: Budget): string {
  budget.spend();
  if (isStr(v)) {
    budget.text(v.value.length);
    return stringRepr(v.value);
  }
  if (isList(v)) {
    const items = v.value.map((item) => repr(item, budget));
    const text = items.join(', ');
    budget.text(text.length);
    return isTuple(v) ? `(${text}${items.length === 1 ? ',' : ''})` : `[${text}]`;
  }
  if (isDict(v)) {
    const text = Array.from(
      v.value,
      ([key, item]) => `${stringRepr(key)}: ${repr(item, budget)}`,
    ).join(', ');
    budget.text(text.length);
    return `{${text}}`;
  }
  if (isUndefined(v)) return 'Undefined';
  if (v instanceof None) return 'None';
  if (v instanceof Bool) return v.value ? 'True' : 'False';
  if (v instanceof Float) return floatText(v.value);
  if (v instanceof Int) return String(v.value);
  return isNamespace(v) ? '<Namespace>' : '<function>';
}

export function str(v: Value, budget: Budget): string {
  if (isStr(v)) return v.value;
  return isUndefined(v) ? '' : repr(v, budget);
}

export function equals(a: Value, b: Value, budget: Budget): boolean {
  budget.spend();
  if (a === b) return true;
  if (isNumber(a) && isNumber(b)) return number(a) === number(b);
  if (isStr(a) && isStr(b)) return a.value === b.value;
  if (isList(a) && isList(b)) {
    const other = b.value;
    return (
      isTuple(a) === isTuple(b) &&
      a.value.length === other.length &&
      a.value.every((item, i) => equals(item, other[i]!, budget))
    );
  }
  if (isDict(a) && isDict(b)) {
    if (a.value.size !== b.value.size) return false;
    for (const [key, item] of a.value) {
      const other = b.value.get(key);
      if (other === undefined || !equals(item, other, budget)) return false;
    }
    return true;
  }
  return (a instanceof None && b instanceof None) || (isUndefined(a) && isUndefined(b));
}

/** Code points in order, which UTF-16 units are not. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const surrogate = (c: number): boolean => c >= 0xd800 && c <= 0xdfff;
    if (surrogate(x) !== surrogate(y)) return surrogate(x) ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/** Negative, 0 or positive. @throws Error where Python does */
export function compare(a: Value, b: Value, budget: Budget): number {
  budget.spend();
  if (isNumber(a) && isNumber(b)) return number(a) - number(b);
  if (isStr(a) && isStr(b)) return compareText(a.value, b.value);
  if (isList(a) && isList(b) && isTuple(a) === isTuple(b)) {
    for (const [i, item] of a.value.entries()) {
      const other = b.value[i];
      if (other === undefined) return 1;
      if (!equals(item, other, budget)) return compare(item, other, budget);
    }
    return a.value.length - b.value.length;
  }
  throw new Error(`'<' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

export interface JsonOptions {
  readonly ascii: boolean;
  /** Spaces, or a text, before each item on a line of its own. */
  readonly indent: string | undefined;
  readonly separators: readonly [string, string];
  readonly sort: boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

function jsonText(s: string, ascii: boolean): string {
  const escaped = s.replace(
    ascii ? /[\0-\x1f"\\]|[^\0-\x7e]/g : /[\0-\x1f"\\]/g,
    (c) => ESCAPES[c] ?? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

/** json.dumps, as transformers' `tojson` calls it: nothing is escaped for HTML. */
export function toJson(v: Value, o: JsonOptions, budget: Budget, depth = 0): string {
  budget.spend();
  const block = (open: string, items: string[], close: string): string => {
    if (items.length === 0) return open + close;
    const line = o.indent === undefined ? '' : `\n${o.indent.repeat(depth + 1)}`;
    const end = o.indent === undefined ? '' : `\n${o.indent.repeat(depth)}`;
    const text = open + line + items.join(o.separators[0] + line) + end + close;
    budget.text(text.length);
    return text;
  };
  if (isStr(v)) {
    budget.text(v.value.length);
    return jsonText(v.value, o.ascii);
  }
  if (isList(v))
    return block(
      '[',
      v.value.map((item) => toJson(item, o, budget, depth + 1)),
      ']',
    );
  if (isDict(v)) {
    const entries = [...v.value];
    if (o.sort) entries.sort(([a], [b]) => compareText(a, b));
    const items = entries.map(
      ([key, item]) =>
        jsonText(key, o.ascii) + o.separators[1] + toJson(item, o, budget, depth + 1),
    );
    return block('{', items, '}');
  }
  if (v instanceof None) return 'null';
  if (v instanceof Bool) return v.value ? 'true' : 'false';
  if (v instanceof Float) {
    const text = floatText(v.value);
    return text === 'nan' ? 'NaN' : text.replace('inf', 'Infinity');
  }
  if (v instanceof Int) return String(v.value);
  throw new Error(
    `Object of type ${v instanceof Func ? 'function' : typeName(v)} is not JSON serializable`,
  );
}
