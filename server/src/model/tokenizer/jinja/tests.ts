/** Jinja's tests: `is defined`, and those that select and reject name. */
import type { Budget } from './budget.js';
import { compare, equals, str } from './python.js';
import { isCase } from './strings.js';
import {
  Bool,
  Float,
  Func,
  Int,
  isDict,
  isList,
  isNumber,
  isStr,
  isUndefined,
  None,
  number,
  typeName,
  type Value,
} from './values.js';

type Test = (v: Value, budget: Budget, other: Value | undefined) => boolean;

const odd = (v: Value, other = 2): number => {
  if (!isNumber(v)) throw new Error(`expected a number, not ${typeName(v)}`);
  return ((number(v) % other) + other) % other;
};
const operand = (v: Value | undefined): Value => {
  if (v === undefined) throw new Error('the test needs an argument');
  return v;
};
const eq: Test = (v, b, other) => equals(v, operand(other), b);
const ne: Test = (v, b, other) => !equals(v, operand(other), b);
const lt: Test = (v, b, other) => compare(v, operand(other), b) < 0;
const le: Test = (v, b, other) => compare(v, operand(other), b) <= 0;
const gt: Test = (v, b, other) => compare(v, operand(other), b) > 0;
const ge: Test = (v, b, other) => compare(v, operand(other), b) >= 0;

export function contains(all: Value, item: Value, budget: Budget): boolean {
  if (isUndefined(all)) return false;
  if (isStr(all)) {
    if (!isStr(item))
      throw new Error(`'in <string>' requires string as left operand, not ${typeName(item)}`);
    return all.value.includes(item.value);
  }
  if (isList(all)) return all.value.some((other) => equals(other, item, budget));
  if (isDict(all)) return isStr(item) && all.value.has(item.value);
  throw new Error(`argument of type '${typeName(all)}' is not iterable`);
}

const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ['defined', (v) => !isUndefined(v)],
  ['undefined', (v) => isUndefined(v)],
  ['none', (v) => v instanceof None],
  ['boolean', (v) => v instanceof Bool],
  ['true', (v) => v instanceof Bool && v.value],
  ['false', (v) => v instanceof Bool && !v.value],
  ['integer', (v) => v instanceof Int],
  ['float', (v) => v instanceof Float],
  ['number', (v) => isNumber(v)],
  ['string', (v) => isStr(v)],
  ['mapping', (v) => isDict(v)],
  ['iterable', (v) => isStr(v) || isList(v) || isDict(v) || isUndefined(v)],
  ['sequence', (v) => isStr(v) || isList(v) || isDict(v) || isUndefined(v)],
  ['callable', (v) => v instanceof Func],
  ['odd', (v) => odd(v) === 1],
  ['even', (v) => odd(v) === 0],
  ['divisibleby', (v, _, other) => odd(v, Number(operand(other).value)) === 0],
  ['lower', (v, b) => isCase(str(v, b), false)],
  ['upper', (v, b) => isCase(str(v, b), true)],
  ['in', (v, b, other) => contains(operand(other), v, b)],
  ['sameas', (v, b, other) => v === other || (!isList(v) && !isDict(v) && eq(v, b, other))],
  ...['eq', 'equalto', '=='].map((name): [string, Test] => [name, eq]),
  ...['ne', '!='].map((name): [string, Test] => [name, ne]),
  ...['lt', 'lessthan', '<'].map((name): [string, Test] => [name, lt]),
  ...['le', '<='].map((name): [string, Test] => [name, le]),
  ...['gt', 'greaterthan', '>'].map((name): [string, Test] => [name, gt]),
  ...['ge', '>='].map((name): [string, Test] => [name, ge]),
]);

export function holds(name: string, v: Value, budget: Budget, other?: Value): boolean {
  const test = TESTS.get(name);
  if (!test) throw new Error(`No test named '${name}'.`);
  budget.spend();
  return test(v, budget, other);
}
