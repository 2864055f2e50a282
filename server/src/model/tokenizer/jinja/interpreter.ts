import { Environment, Interpreter } from '@huggingface/jinja';
import type { Budget } from './budget.js';
import { iterate } from './filter-functions.js';
import { filter } from './filters.js';
import { bind, DICT_METHODS, LIST_METHODS, STRING_METHODS } from './methods.js';
import { binary } from './operators.js';
import { str } from './python.js';
import { holds } from './tests.js';
import {
  Bool,
  Dict,
  Func,
  Int,
  isDict,
  isList,
  isNamespace,
  isNumber,
  isStr,
  isTuple,
  isUndefined,
  List,
  None,
  number,
  Str,
  truth,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.js';

/** A node of the library's syntax tree: what this file reads of it. */
export interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** The parts of the library's interpreter that are called or replaced; TypeScript has them as private. */
interface Base {
  evaluate(node: Node | undefined, scope: Environment): Value;
  evaluateArguments(args: Node[], scope: Environment): [Value[], Map<string, Value>];
  evaluateMacro(node: Node, scope: Environment): Value;
}
const LibraryInterpreter = Interpreter as unknown as new (scope: Environment) => Base;

/** `break` or `continue` on its way to the loop, with the text before it. */
class LoopControl extends Error {
  text = '';
  constructor(readonly ends: boolean) {
    super('outside of a loop');
  }
}

/** Statements that give no text; an expression that is None does. */
const SILENT = new Set(['Set', 'Macro', 'Comment']);
const asNode = (v: unknown): Node => v as Node;
export const scopeOf = (
  v: Environment,
): { set(name: string, value: Value): void; map: Map<string, Value> } => ({
  set: (name, value) => void v.setVariable(name, value as never),
  map: v.variables as unknown as Map<string, Value>,
});

/**
 * The library's interpreter with what Jinja and Python do where the two differ (text of values, white space,
 * code points, comparison, scopes of loops and macros), and a budget that every step counts against.
 * Checked against jinja2 as transformers runs it: test/fixtures/jinja.
 */
export class PythonInterpreter extends LibraryInterpreter {
  constructor(
    scope: Environment,
    private readonly budget: Budget,
  ) {
    super(scope);
  }

  override evaluate(node: Node | undefined, scope: Environment): Value {
    this.budget.spend();
    if (node?.type === 'Break') throw new LoopControl(true);
    if (node?.type === 'Continue') throw new LoopControl(false);
    return super.evaluate(node, scope);
  }

  protected evaluateBlock(statements: Node[], scope: Environment): Value {
    let text = '';
    for (const statement of statements) {
      try {
        const value = this.evaluate(statement, scope);
        if (!SILENT.has(statement.type)) text += str(value, this.budget);
      } catch (error) {
        if (error instanceof LoopControl) error.text = text + error.text;
        throw error;
      }
      this.budget.text(text.length);
    }
    return new Str(text);
  }

  protected evaluateFor(node: Node, scope: Environment): Value {
    const { iterable, loopvar } = node as Node & { iterable: Node; loopvar: Node };
    const chosen = iterable.type === 'SelectExpression';
    const all = iterate(
      this.evaluate(chosen ? asNode(iterable['lhs']) : iterable, scope),
      this.budget,
    );
    const items = chosen
      ? all.filter((item) => {
          const inner = new Environment(scope);
          this.#bind(loopvar, item, inner);
          return truth(this.evaluate(asNode(iterable['test']), inner));
        })
      : all;
    let text = '';
    // jinja2 runs `else` also where no turn came to its end.
    let ended = false;
    let changed: Value | undefined;
    for (const [i, item] of items.entries()) {
      // What one turn of the loop sets, the next does not see.
      const inner = new Environment(scope);
      const at = (n: number): Value => items[n] ?? new Undefined(undefined);
      const loop = new Map<string, Value>([
        ['index', new Int(i + 1)],
        ['index0', new Int(i)],
        ['revindex', new Int(items.length - i)],
        ['revindex0', new Int(items.length - i - 1)],
        ['first', new Bool(i === 0)],
        ['last', new Bool(i === items.length - 1)],
        ['length', new Int(items.length)],
        ['depth', new Int(1)],
        ['depth0', new Int(0)],
        ['previtem', at(i - 1)],
        ['nextitem', at(i + 1)],
        ['cycle', new Func((args) => args[i % args.length] ?? new Undefined(undefined))],
        [
          'changed',
          new Func((args) => {
            const now = new Tuple([...args]);
            const same = changed !== undefined && truth(binary('==', changed, now, this.budget));
            changed = now;
            return new Bool(!same);
          }),
        ],
      ]);
      scopeOf(inner).set('loop', new Dict(loop));
      this.#bind(loopvar, item, inner);
      try {
        text += (this.evaluateBlock(node['body'] as Node[], inner) as Value & { value: string })
          .value;
        ended = true;
      } catch (error) {
        if (!(error instanceof LoopControl)) throw error;
        text += error.text;
        if (error.ends) break;
      }
      this.budget.text(text.length);
    }
    if (!ended) text += str(this.evaluateBlock(node['defaultBlock'] as Node[], scope), this.budget);
    return new Str(text);
  }

  #bind(target: Node, item: Value, scope: Environment): void {
    if (target.type === 'Identifier') return scopeOf(scope).set(String(target['value']), item);
    const names = target['value'] as Node[];
    const parts = iterate(item, this.budget);
    if (parts.length !== names.length) {
      throw new Error(`${parts.length} values to unpack, expected ${names.length}`);
    }
    names.forEach((name, i) => this.#bind(name, parts[i]!, scope));
  }

  /** A macro sees the names where it is written, not where it is called; and `caller`. */
  override evaluateMacro(node: Node, scope: Environment): Value {
    super.evaluateMacro(node, scope);
    const name = String(asNode(node['name'])['value']);
    const { map } = scopeOf(scope);
    const made = map.get(name) as InstanceType<typeof Func>;
    map.set(
      name,
      new Func((args, from) => {
        const inner = new Environment(scope);
        const caller = scopeOf(from).map.get('caller');
        if (caller) scopeOf(inner).set('caller', caller);
        return made.value(args, inner);
      }),
    );
    return new None(null);
  }

  protected evaluateBinaryExpression(node: Node, scope: Environment): Value {
    const operator = String((node['operator'] as { value: string }).value);
    const left = this.evaluate(asNode(node['left']), scope);
    if (operator === 'and') return truth(left) ? this.evaluate(asNode(node['right']), scope) : left;
    if (operator === 'or') return truth(left) ? left : this.evaluate(asNode(node['right']), scope);
    return binary(operator, left, this.evaluate(asNode(node['right']), scope), this.budget);
  }

  protected evaluateTestExpression(node: Node, scope: Environment): Value {
    const held = holds(
      String(asNode(node['test'])['value']),
      this.evaluate(asNode(node['operand']), scope),
      this.budget,
    );
    return new Bool(node['negate'] === true ? !held : held);
  }

  protected applyFilter(operand: Value, node: Node, scope: Environment): Value {
    const call = node.type === 'CallExpression';
    const name = String((call ? asNode(node['callee']) : node)['value']);
    const [list, named] = call
      ? this.evaluateArguments(node['args'] as Node[], scope)
      : [[], new Map<string, Value>()];
    this.budget.spend();
    return filter(name)(operand, { list, named }, this.budget);
  }

  protected evaluateMemberExpression(node: Node, scope: Environment): Value {
    const object = this.evaluate(asNode(node['object']), scope);
    const property = asNode(node['property']);
    if (node['computed'] === true) {
      if (property.type === 'SliceExpression') return this.#slice(object, property, scope);
      return this.#item(object, this.evaluate(property, scope)) ?? new Undefined(undefined);
    }
    const key =
      property.type === 'IntegerLiteral'
        ? new Int(Number(property['value']))
        : new Str(String(property['value']));
    // a.b: the attribute before the item, as Jinja does.
    return this.#attribute(object, key) ?? this.#item(object, key) ?? new Undefined(undefined);
  }

  #attribute(object: Value, key: Value): Value | undefined {
    if (!isStr(key)) return undefined;
    const { budget } = this;
    if (isUndefined(object)) throw new Error(`an undefined value has no attribute '${key.value}'`);
    if (isStr(object)) return bind(STRING_METHODS, key.value, object.value, budget);
    if (isDict(object)) return bind(DICT_METHODS, key.value, object.value, budget);
    if (isList(object)) return bind(LIST_METHODS, key.value, object.value, budget);
    return undefined;
  }

  #item(object: Value, key: Value): Value | undefined {
    if (isUndefined(object)) throw new Error('an undefined value has no items');
    if (isDict(object) || isNamespace(object)) {
      const found = isStr(key) ? object.value.get(key.value) : undefined;
      return found ?? this.#attribute(object, key);
    }
    if (isNumber(key)) {
      if (isList(object)) return object.value.at(number(key));
      if (!isStr(object)) return undefined;
      this.budget.spend(object.value.length / 64);
      const c = Array.from(object.value).at(number(key));
      return c === undefined ? undefined : new Str(c);
    }
    return this.#attribute(object, key);
  }

  #slice(object: Value, node: Node, scope: Environment): Value {
    if (isUndefined(object)) throw new Error('an undefined value has no items');
    if (!isStr(object) && !isList(object))
      throw new Error(`'${typeName(object)}' object is not subscriptable`);
    const bound = (name: string): number | undefined => {
      const v = node[name] === undefined ? undefined : this.evaluate(asNode(node[name]), scope);
      if (v === undefined || v instanceof None || isUndefined(v)) return undefined;
      if (!isNumber(v)) throw new Error('slice indices must be integers or None');
      return number(v);
    };
    const items: readonly (Value | string)[] = isStr(object)
      ? Array.from(object.value)
      : object.value;
    this.budget.list(items.length / 64);
    const out = slice(items, bound('start'), bound('stop'), bound('step') ?? 1);
    if (isStr(object)) return new Str(out.join(''));
    return isTuple(object) ? new Tuple(out as Value[]) : new List(out as Value[]);
  }
}

function slice<T>(
  items: readonly T[],
  start: number | undefined,
  stop: number | undefined,
  step: number,
): T[] {
  if (step === 0) throw new Error('slice step cannot be zero');
  const n = items.length;
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const at = (v: number): number => Math.min(high, Math.max(low, v < 0 ? v + n : v));
  const from = start === undefined ? (step > 0 ? low : high) : at(start);
  const to = stop === undefined ? (step > 0 ? high : low) : at(stop);
  const out: T[] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(items[i]!);
  return out;
}
