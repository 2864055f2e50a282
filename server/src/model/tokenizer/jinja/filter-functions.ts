/** What Jinja's filters do; filters.ts names them. */
import type { Budget } from './budget.js';
import { compare, str, toJson } from './python.js';
import { SPACE, splitLines, strip } from './strings.js';
import { holds } from './tests.js';
import {
  argument,
  flagArgument,
  Float,
  Int,
  intArgument,
  isDict,
  isList,
  isNamespace,
  isNumber,
  isStr,
  isUndefined,
  List,
  None,
  number,
  Str,
  textArgument,
  truth,
  typeName,
  Undefined,
  type Arguments,
  type Value,
} from './values.js';

export type Filter = (v: Value, args: Arguments, budget: Budget) => Value;

export const undefinedValue = (): Value => new Undefined(undefined);

/** What a loop goes over. @throws Error as Python does */
export function iterate(v: Value, budget: Budget): Value[] {
  if (isList(v)) return v.value;
  if (isUndefined(v)) return [];
  if (isStr(v)) {
    budget.list(v.value.length);
    return Array.from(v.value, (c) => new Str(c));
  }
  if (isDict(v)) return Array.from(v.value.keys(), (key) => new Str(key));
  throw new Error(`'${typeName(v)}' object is not iterable`);
}

export function length(v: Value): number {
  if (isStr(v)) {
    let n = 0;
    for (let i = 0; i < v.value.length; n++) i += v.value.codePointAt(i)! > 0xffff ? 2 : 1;
    return n;
  }
  if (isList(v)) return v.value.length;
  if (isDict(v)) return v.value.size;
  if (isUndefined(v)) return 0;
  throw new Error(`object of type '${typeName(v)}' has no len()`);
}

/** `a.b.0` of an item, as the attribute arguments of filters have it. */
export function attribute(v: Value, path: string): Value {
  return path.split('.').reduce<Value>((at, name) => {
    if (isDict(at) || isNamespace(at)) return at.value.get(name) ?? undefinedValue();
    if (isList(at) && /^\d+$/.test(name)) return at.value[Number(name)] ?? undefinedValue();
    return undefinedValue();
  }, v);
}

/** What items are compared by: an attribute, and strings without their case unless it counts. */
export function keyOf(
  args: Arguments,
  at: { case: number; attribute: number },
  budget: Budget,
): (v: Value) => Value {
  const path = argument(args, at.attribute, 'attribute');
  const whole = flagArgument(args, at.case, 'case_sensitive', false);
  return (v) => {
    const key = path === undefined || path instanceof None ? v : attribute(v, str(path, budget));
    return !whole && isStr(key) ? new Str(key.value.toLowerCase()) : key;
  };
}

export function sort(v: Value, args: Arguments, budget: Budget): Value {
  const key = keyOf(args, { case: 1, attribute: 2 }, budget);
  const sign = flagArgument(args, 0, 'reverse', false) ? -1 : 1;
  const keyed = iterate(v, budget).map((item) => ({ item, key: key(item) }));
  keyed.sort((a, b) => sign * compare(a.key, b.key, budget));
  return new List(keyed.map(({ item }) => item));
}

export function extreme(sign: number): Filter {
  return (v, args, budget) => {
    const key = keyOf(args, { case: 0, attribute: 1 }, budget);
    return (
      iterate(v, budget).reduce<Value | undefined>(
        (best, item) =>
          best === undefined || sign * compare(key(item), key(best), budget) > 0 ? item : best,
        undefined,
      ) ?? undefinedValue()
    );
  };
}

export function select(attr: boolean, wanted: boolean): Filter {
  return (v, args, budget) => {
    const path = attr ? args.list[0] : undefined;
    const [name, other] = args.list.slice(attr ? 1 : 0);
    return new List(
      iterate(v, budget).filter((item) => {
        const subject = path ? attribute(item, str(path, budget)) : item;
        return (
          (name ? holds(str(name, budget), subject, budget, other) : truth(subject)) === wanted
        );
      }),
    );
  };
}

export function indent(v: Value, args: Arguments, budget: Budget): Value {
  const width = argument(args, 0, 'width') ?? new Int(4);
  if (isNumber(width)) budget.text(number(width));
  const by = isStr(width) ? width.value : ' '.repeat(Number(width.value));
  const blank = flagArgument(args, 2, 'blank', false);
  const lines = splitLines(`${str(v, budget)}\n`, false);
  budget.text(lines.length * by.length + lines.reduce((n, line) => n + line.length + 1, 0));
  const [first = '', ...rest] = lines;
  const text = [first, ...rest.map((line) => (line !== '' || blank ? by + line : line))].join('\n');
  return new Str(flagArgument(args, 1, 'first', false) ? by + text : text);
}

const WORD_START = new RegExp(`([-${SPACE}({[<]+)`, 'u');
/** The filter differs from str.title: a word begins after white space, a dash or an open bracket. */
export const titleFilter = (s: string): string =>
  s
    .split(WORD_START)
    .map((word) => {
      const [first = ''] = word;
      return first.toUpperCase() + word.slice(first.length).toLowerCase();
    })
    .join('');

export function toInt(v: Value, args: Arguments): Value {
  if (isNumber(v)) return new Int(Math.trunc(number(v)));
  const text = isStr(v) ? strip(v.value, undefined, 'both').replace(/(\d)_(?=\d)/g, '$1') : '';
  if (/^[+-]?\d+$/.test(text)) return new Int(Number(text));
  const float = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return Number.isNaN(float)
    ? (argument(args, 0, 'default') ?? new Int(0))
    : new Int(Math.trunc(float));
}

export function toFloat(v: Value, args: Arguments): Value {
  if (isNumber(v)) return new Float(number(v));
  const text = isStr(v) ? strip(v.value, undefined, 'both') : '';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
    ? new Float(Number(text))
    : (argument(args, 0, 'default') ?? new Float(0));
}

export function round(v: Value, args: Arguments): Value {
  if (!isNumber(v)) throw new Error(`type ${typeName(v)} doesn't define __round__ method`);
  const [digits, how] = [
    intArgument(args, 0, 'precision') ?? 0,
    textArgument(args, 1, 'method') ?? 'common',
  ];
  const scale = 10 ** digits;
  const x = number(v) * scale;
  if (how === 'ceil') return new Float(Math.ceil(x) / scale);
  if (how === 'floor') return new Float(Math.floor(x) / scale);
  const half = Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
  return v instanceof Float ? new Float(half / scale) : new Int(half / scale);
}

export function tojson(v: Value, args: Arguments, budget: Budget): Value {
  const wide = argument(args, 1, 'indent');
  const given = argument(args, 2, 'separators');
  const indentBy =
    wide === undefined || wide instanceof None
      ? undefined
      : isStr(wide)
        ? wide.value
        : ' '.repeat(Math.min(1000, Number(wide.value)));
  const separators: [string, string] =
    given && isList(given)
      ? [str(given.value[0]!, budget), str(given.value[1]!, budget)]
      : [indentBy === undefined ? ', ' : ',', ': '];
  const options = {
    ascii: flagArgument(args, 0, 'ensure_ascii', false),
    indent: indentBy,
    separators,
    sort: flagArgument(args, 3, 'sort_keys', false),
  };
  return new Str(toJson(v, options, budget));
}

export const textFilter =
  (f: (s: string) => string): Filter =>
  (v, _, budget) => {
    const text = str(v, budget);
    budget.text(text.length);
    return new Str(f(text));
  };

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};
export const escapeHtml = textFilter((s) => s.replace(/[&<>'"]/g, (c) => ENTITIES[c]!));
export const count: Filter = (v) => new Int(length(v));
export const otherwise: Filter = (v, args) =>
  isUndefined(v) || (flagArgument(args, 1, 'boolean', false) && !truth(v))
    ? (argument(args, 0, 'default_value') ?? new Str(''))
    : v;
