/** Methods of str, dict and list that a sandboxed template may call. */
import type { Budget } from './budget.js';
import { equals } from './python.js';
import * as text from './strings.js';
import {
  argument,
  argumentsOf,
  Bool,
  flagArgument,
  Func,
  Int,
  intArgument,
  isList,
  isStr,
  List,
  None,
  Str,
  Tuple,
  textArgument,
  typeName,
  type Arguments,
  type Value,
} from './values.js';

type Method<T> = (self: T, args: Arguments, budget: Budget) => Value;

const textOf = (args: Arguments, at: number, name: string): string => {
  const value = textArgument(args, at, name);
  if (value === undefined) throw new Error(`${name} must be str`);
  return value;
};
const texts = (list: readonly string[], budget: Budget): Value => {
  budget.list(list.length);
  return new List(list.map((s) => new Str(s)));
};
const points = (s: string): string[] => Array.from(s);

/** str[start:end] of the optional arguments of find, count, startswith. */
function part(s: string, args: Arguments): { text: string; from: number } {
  const [start, end] = [intArgument(args, 1, 'start'), intArgument(args, 2, 'end')];
  if (start === undefined && end === undefined) return { text: s, from: 0 };
  const all = points(s);
  const at = (n: number): number => (n < 0 ? Math.max(0, all.length + n) : Math.min(n, all.length));
  const from = at(start ?? 0);
  return { text: all.slice(from, at(end ?? all.length)).join(''), from };
}

function hasEnd(which: 'startsWith' | 'endsWith'): Method<string> {
  return (s, args) => {
    const { text: of } = part(s, args);
    const wanted = argument(args, 0, 'prefix');
    const all = wanted && isList(wanted) ? wanted.value : [wanted];
    return new Bool(
      all.some((w) => {
        if (!isStr(w))
          throw new Error(
            `the first argument must be str or a tuple of str, not ${w ? typeName(w) : 'nothing'}`,
          );
        return of[which](w.value);
      }),
    );
  };
}

function find(last: boolean, strict: boolean): Method<string> {
  return (s, args) => {
    const { text: of, from } = part(s, args);
    const sub = textOf(args, 0, 'sub');
    const at = last ? of.lastIndexOf(sub) : of.indexOf(sub);
    if (at < 0 && strict) throw new Error('substring not found');
    return new Int(at < 0 ? -1 : from + points(of.slice(0, at)).length);
  };
}

function pad(side: 'left' | 'right' | 'both'): Method<string> {
  return (s, args, budget) => {
    const width = intArgument(args, 0, 'width') ?? 0;
    const fill = textArgument(args, 1, 'fillchar') ?? ' ';
    const missing = Math.max(0, width - points(s).length);
    budget.text(missing + s.length);
    // CPython puts the odd one to the left when the width is odd.
    const left =
      side === 'left'
        ? missing
        : side === 'right'
          ? 0
          : Math.floor(missing / 2) + (missing & width & 1);
    return new Str(fill.repeat(left) + s + fill.repeat(missing - left));
  };
}

function partition(last: boolean): Method<string> {
  return (s, args, budget) => {
    const sep = textOf(args, 0, 'sep');
    const at = last ? s.lastIndexOf(sep) : s.indexOf(sep);
    const three =
      at >= 0 ? [s.slice(0, at), sep, s.slice(at + sep.length)] : last ? ['', '', s] : [s, '', ''];
    budget.list(3);
    return new Tuple(three.map((t) => new Str(t)));
  };
}

const most = (args: Arguments): number => intArgument(args, 1, 'maxsplit') ?? -1;
const plain =
  (f: (s: string) => string): Method<string> =>
  (s) =>
    new Str(f(s));
const asks =
  (f: (s: string) => boolean): Method<string> =>
  (s) =>
    new Bool(f(s));

export const STRING_METHODS: ReadonlyMap<string, Method<string>> = new Map<string, Method<string>>([
  ['strip', (s, a) => new Str(text.strip(s, textArgument(a, 0, 'chars'), 'both'))],
  ['lstrip', (s, a) => new Str(text.strip(s, textArgument(a, 0, 'chars'), 'left'))],
  ['rstrip', (s, a) => new Str(text.strip(s, textArgument(a, 0, 'chars'), 'right'))],
  ['split', (s, a, b) => texts(text.split(s, textArgument(a, 0, 'sep'), most(a)), b)],
  ['rsplit', (s, a, b) => texts(text.rsplit(s, textArgument(a, 0, 'sep'), most(a)), b)],
  ['splitlines', (s, a, b) => texts(text.splitLines(s, flagArgument(a, 0, 'keepends', false)), b)],
  ['upper', plain((s) => s.toUpperCase())],
  ['lower', plain((s) => s.toLowerCase())],
  ['title', plain(text.title)],
  ['capitalize', plain(text.capitalize)],
  ['isspace', asks(text.isSpace)],
  ['isdigit', asks(text.isDigits)],
  ['isalpha', asks(text.isAlpha)],
  ['isalnum', asks(text.isAlnum)],
  ['islower', asks((s) => text.isCase(s, false))],
  ['isupper', asks((s) => text.isCase(s, true))],
  ['startswith', hasEnd('startsWith')],
  ['endswith', hasEnd('endsWith')],
  ['find', find(false, false)],
  ['rfind', find(true, false)],
  ['index', find(false, true)],
  ['rindex', find(true, true)],
  [
    'count',
    (s, a) => {
      const { text: of } = part(s, a);
      const sub = textOf(a, 0, 'sub');
      return new Int(sub === '' ? points(of).length + 1 : of.split(sub).length - 1);
    },
  ],
  [
    'replace',
    (s, a, budget) => {
      const [old, by] = [textOf(a, 0, 'old'), textOf(a, 1, 'new')];
      budget.text(s.length + (by.length * s.length) / Math.max(1, old.length));
      return new Str(text.replace(s, old, by, intArgument(a, 2, 'count') ?? -1));
    },
  ],
  [
    'join',
    (s, a, budget) => {
      const list = argument(a, 0, 'iterable');
      const items = isStr(list)
        ? points(list.value).map((c) => new Str(c))
        : isList(list)
          ? list.value
          : undefined;
      if (items === undefined) throw new Error('can only join an iterable');
      const parts = items.map((item, i) => {
        if (isStr(item)) return item.value;
        throw new Error(`sequence item ${i}: expected str instance, ${typeName(item)} found`);
      });
      budget.text(parts.reduce((n, p) => n + p.length + s.length, 0));
      return new Str(parts.join(s));
    },
  ],
  [
    'removeprefix',
    (s, a) =>
      new Str(s.startsWith(textOf(a, 0, 'prefix')) ? s.slice(textOf(a, 0, 'prefix').length) : s),
  ],
  [
    'removesuffix',
    (s, a) => {
      const end = textOf(a, 0, 'suffix');
      return new Str(end !== '' && s.endsWith(end) ? s.slice(0, -end.length) : s);
    },
  ],
  ['partition', partition(false)],
  ['rpartition', partition(true)],
  ['ljust', pad('right')],
  ['rjust', pad('left')],
  ['center', pad('both')],
  [
    'zfill',
    (s, a, budget) => {
      const missing = Math.max(0, (intArgument(a, 0, 'width') ?? 0) - points(s).length);
      budget.text(missing + s.length);
      const sign = /^[+-]/.test(s) ? 1 : 0;
      return new Str(s.slice(0, sign) + '0'.repeat(missing) + s.slice(sign));
    },
  ],
]);

export const DICT_METHODS: ReadonlyMap<string, Method<Map<string, Value>>> = new Map<
  string,
  Method<Map<string, Value>>
>([
  [
    'get',
    (self, a) => {
      const key = a.list[0];
      return (isStr(key) ? self.get(key.value) : undefined) ?? a.list[1] ?? new None(null);
    },
  ],
  ['items', (self) => new List(Array.from(self, ([key, item]) => new Tuple([new Str(key), item])))],
  ['keys', (self) => new List(Array.from(self.keys(), (key) => new Str(key)))],
  ['values', (self) => new List([...self.values()])],
]);

export const LIST_METHODS: ReadonlyMap<string, Method<Value[]>> = new Map<string, Method<Value[]>>([
  ['count', (self, a, b) => new Int(self.filter((item) => equals(item, a.list[0]!, b)).length)],
  [
    'index',
    (self, a, b) => {
      const at = self.findIndex((item) => equals(item, a.list[0]!, b));
      if (at < 0) throw new Error('the value is not in the list');
      return new Int(at);
    },
  ],
]);

/** A method of a value as a function of the template, or undefined. */
export function bind<T>(
  methods: ReadonlyMap<string, Method<T>>,
  name: string,
  self: T,
  budget: Budget,
): Value | undefined {
  const method = methods.get(name);
  return (
    method &&
    new Func((args) => {
      budget.spend(1 + (typeof self === 'string' ? self.length / 256 : 0));
      return method(self, argumentsOf(args), budget);
    })
  );
}
