/** Jinja's filters, with transformers' `tojson`. */
import type { Budget } from './budget.js';
import { equals, str } from './python.js';
import { capitalize, replace, strip } from './strings.js';
import {
  argument,
  Bool,
  flagArgument,
  Float,
  Int,
  intArgument,
  isDict,
  isStr,
  isUndefined,
  List,
  Str,
  textArgument,
  Tuple,
  type Arguments,
  type Value,
} from './values.js';
import {
  undefinedValue,
  iterate,
  attribute,
  keyOf,
  sort,
  extreme,
  select,
  indent,
  titleFilter,
  toInt,
  toFloat,
  round,
  tojson,
  textFilter,
  escapeHtml,
  count,
  otherwise,
  type Filter,
} from './filter-functions.js';

function map(v: Value, args: Arguments, budget: Budget): Value {
  const path = args.named.get('attribute');
  const otherwise = args.named.get('default');
  const name = args.list[0];
  return new List(
    iterate(v, budget).map((item) => {
      if (path) {
        const found = attribute(item, str(path, budget));
        return isUndefined(found) && otherwise ? otherwise : found;
      }
      if (!isStr(name)) throw new Error('map requires a filter argument');
      return filter(name.value)(item, { list: args.list.slice(1), named: args.named }, budget);
    }),
  );
}

const FILTERS: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  [
    'abs',
    (v) => (v instanceof Float ? new Float(Math.abs(v.value)) : new Int(Math.abs(Number(v.value)))),
  ],
  ['capitalize', textFilter(capitalize)],
  ['count', count],
  ['d', otherwise],
  ['default', otherwise],
  [
    'dictsort',
    (v, args, budget) => {
      const by = textArgument(args, 1, 'by') === 'value' ? '1' : '0';
      const items = new List(
        isDict(v) ? Array.from(v.value, ([key, item]) => new Tuple([new Str(key), item])) : [],
      );
      const named = new Map([
        ['attribute', new Str(by) as Value],
        ['case_sensitive', new Bool(flagArgument(args, 0, 'case_sensitive', false))],
        ['reverse', new Bool(flagArgument(args, 2, 'reverse', false))],
      ]);
      return sort(items, { list: [], named }, budget);
    },
  ],
  ['e', escapeHtml],
  ['escape', escapeHtml],
  ['first', (v, _, budget) => iterate(v, budget)[0] ?? undefinedValue()],
  ['float', toFloat],
  ['indent', indent],
  ['int', toInt],
  [
    'items',
    (v) => {
      if (isUndefined(v)) return new List([]);
      if (!isDict(v)) throw new Error('Can only get item pairs from a mapping.');
      return new List(Array.from(v.value, ([key, item]) => new Tuple([new Str(key), item])));
    },
  ],
  [
    'join',
    (v, args, budget) => {
      const path = argument(args, 1, 'attribute');
      const separator = str(argument(args, 0, 'd') ?? new Str(''), budget);
      const parts = iterate(v, budget).map((item) =>
        str(path ? attribute(item, str(path, budget)) : item, budget),
      );
      budget.text(parts.reduce((n, p) => n + p.length + separator.length, 0));
      return new Str(parts.join(separator));
    },
  ],
  ['last', (v, _, budget) => iterate(v, budget).at(-1) ?? undefinedValue()],
  ['length', count],
  ['list', (v, _, budget) => new List([...iterate(v, budget)])],
  ['lower', textFilter((s) => s.toLowerCase())],
  ['map', map],
  ['max', extreme(1)],
  ['min', extreme(-1)],
  ['reject', select(false, false)],
  ['rejectattr', select(true, false)],
  [
    'replace',
    (v, args, budget) => {
      const [s, old, by] = [str(v, budget), str(args.list[0]!, budget), str(args.list[1]!, budget)];
      budget.text(s.length + (by.length * s.length) / Math.max(1, old.length));
      return new Str(replace(s, old, by, intArgument(args, 2, 'count') ?? -1));
    },
  ],
  [
    'reverse',
    (v, _, budget) =>
      isStr(v)
        ? new Str(Array.from(v.value).reverse().join(''))
        : new List([...iterate(v, budget)].reverse()),
  ],
  ['round', round],
  ['safe', (v) => v],
  ['select', select(false, true)],
  ['selectattr', select(true, true)],
  ['sort', sort],
  ['string', textFilter((s) => s)],
  [
    'sum',
    (v, args, budget) => {
      const path = argument(args, 0, 'attribute');
      const items = iterate(v, budget).map((item) =>
        path ? attribute(item, str(path, budget)) : item,
      );
      const total = items.reduce(
        (n, item) => n + Number(item.value),
        Number((argument(args, 1, 'start') ?? new Int(0)).value),
      );
      return items.some((item) => item instanceof Float) ? new Float(total) : new Int(total);
    },
  ],
  ['title', textFilter(titleFilter)],
  ['tojson', tojson],
  [
    'trim',
    (v, args, budget) => new Str(strip(str(v, budget), textArgument(args, 0, 'chars'), 'both')),
  ],
  [
    'unique',
    (v, args, budget) => {
      const key = keyOf(args, { case: 0, attribute: 1 }, budget);
      const seen: Value[] = [];
      return new List(
        iterate(v, budget).filter((item) => {
          const k = key(item);
          if (seen.some((s) => equals(s, k, budget))) return false;
          seen.push(k);
          return true;
        }),
      );
    },
  ],
  ['upper', textFilter((s) => s.toUpperCase())],
  ['wordcount', (v, _, budget) => new Int(str(v, budget).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)],
]);

/** @throws Error when there is no such filter */
export function filter(name: string): Filter {
  const found = FILTERS.get(name);
  if (!found) throw new Error(`No filter named '${name}'.`);
  return found;
}
