/** Python's binary operators on a template's values. */
import type { Budget } from './budget.js';
import { compare, equals, repr, str } from './python.js';
import { contains } from './tests.js';
import {
  Bool,
  Float,
  Int,
  isList,
  isNumber,
  isStr,
  isTuple,
  isUndefined,
  List,
  number,
  Str,
  Tuple,
  typeName,
  type Value,
} from './values.js';

function arithmetic(operator: string, left: Value, right: Value): Value | undefined {
  if (!isNumber(left) || !isNumber(right)) return undefined;
  const [a, b] = [number(left), number(right)];
  const real = left instanceof Float || right instanceof Float;
  const make = (x: number): Value => (real ? new Float(x) : new Int(x));
  if (b === 0 && ['/', '//', '%'].includes(operator)) throw new Error('division by zero');
  switch (operator) {
    case '+':
      return make(a + b);
    case '-':
      return make(a - b);
    case '*':
      return make(a * b);
    case '/':
      return new Float(a / b);
    case '//':
      return make(Math.floor(a / b));
    case '%':
      return make(a - Math.floor(a / b) * b);
    case '**': {
      const power = a ** b;
      if (!Number.isFinite(power)) throw new Error('the power is no finite number');
      return b < 0 ? new Float(power) : make(power);
    }
    default:
      return undefined;
  }
}

/** text % values, for %s, %r, %d and %%. */
function format(text: string, right: Value, budget: Budget): Value {
  const values = isTuple(right) ? [...(right as Value & { value: Value[] }).value] : [right];
  const out = text.replace(/%([srd%])/g, (_, kind: string) => {
    if (kind === '%') return '%';
    const value = values.shift();
    if (value === undefined) throw new Error('not enough arguments for format string');
    if (kind === 'd') {
      if (!isNumber(value))
        throw new Error(`%d format: a number is required, not ${typeName(value)}`);
      return String(Math.trunc(number(value)));
    }
    const shown = kind === 'r' ? repr(value, budget) : str(value, budget);
    budget.text(shown.length);
    return shown;
  });
  budget.text(out.length);
  return new Str(out);
}

function repeat(left: Value, right: Value, budget: Budget): Value | undefined {
  const [of, times] = isNumber(left) ? [right, left] : [left, right];
  if (!isNumber(times) || times instanceof Float) return undefined;
  const n = Math.max(0, number(times));
  if (isStr(of)) {
    budget.text(of.value.length * n);
    return new Str(of.value.repeat(n));
  }
  if (!isList(of)) return undefined;
  budget.list(of.value.length * n);
  const items = Array.from({ length: n }, () => of.value).flat();
  return isTuple(of) ? new Tuple(items) : new List(items);
}

/** @throws Error as Python does */
export function binary(operator: string, left: Value, right: Value, budget: Budget): Value {
  switch (operator) {
    case '==':
      return new Bool(equals(left, right, budget));
    case '!=':
      return new Bool(!equals(left, right, budget));
    case 'in':
      return new Bool(contains(right, left, budget));
    case 'not in':
      return new Bool(!contains(right, left, budget));
    case '~': {
      const text = str(left, budget) + str(right, budget);
      budget.text(text.length);
      return new Str(text);
    }
  }
  if (isUndefined(left) || isUndefined(right)) {
    throw new Error(`an undefined value has no operator ${operator}`);
  }
  switch (operator) {
    case '<':
      return new Bool(compare(left, right, budget) < 0);
    case '<=':
      return new Bool(compare(left, right, budget) <= 0);
    case '>':
      return new Bool(compare(left, right, budget) > 0);
    case '>=':
      return new Bool(compare(left, right, budget) >= 0);
  }
  const result = arithmetic(operator, left, right);
  if (result) return result;
  if (operator === '+' && isStr(left) && isStr(right)) {
    budget.text(left.value.length + right.value.length);
    return new Str(left.value + right.value);
  }
  if (operator === '+' && isList(left) && isList(right) && isTuple(left) === isTuple(right)) {
    budget.list(left.value.length + right.value.length);
    const items = [...left.value, ...right.value];
    return isTuple(left) ? new Tuple(items) : new List(items);
  }
  if (operator === '%' && isStr(left)) return format(left.value, right, budget);
  if (operator === '*') {
    const repeated = repeat(left, right, budget);
    if (repeated) return repeated;
  }
  throw new Error(
    `unsupported operand type(s) for ${operator}: '${typeName(left)}' and '${typeName(right)}'`,
  );
}
