import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** A value of the library while a template runs. Its classes are not exported: they are taken from values. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
  __bool__(): { readonly value: boolean };
}
type Maker<T> = new (value: T) => Value & { readonly value: T };

const probe = new Environment();
let made = 0;
const classOf = <T>(value: unknown): Maker<T> =>
  probe.set(`probe${made++}`, value).constructor as unknown as Maker<T>;

export const Int = classOf<number>(1);
export const Float = classOf<number>(1.5);
export const Str = classOf<string>('');
export const Bool = classOf<boolean>(true);
export const List = classOf<Value[]>([]);
export const Dict = classOf<Map<string, Value>>({});
export const None = classOf<null>(null);
export const Undefined = classOf<undefined>(undefined);
export const Func = classOf<(args: Value[], scope: Environment) => Value>(() => 1);

new Interpreter(probe).run(parse(tokenize('{% set tuple = (1, 2) %}')));
export const Tuple = probe.lookupVariable('tuple').constructor as unknown as Maker<Value[]>;

export const isStr = (v: Value | undefined): v is Value & { value: string } => v instanceof Str;
export const isList = (v: Value | undefined): v is Value & { value: Value[] } => v instanceof List;
export const isDict = (v: Value | undefined): v is Value & { value: Map<string, Value> } =>
  v instanceof Dict;
export const isUndefined = (v: Value | undefined): boolean => v instanceof Undefined;
export const isTuple = (v: Value): boolean => v instanceof Tuple;
export const isNamespace = (v: Value): v is Value & { value: Map<string, Value> } =>
  v.type === 'NamespaceValue';
/** Python's bool is a number too. */
export const isNumber = (v: Value | undefined): v is Value & { value: number | boolean } =>
  v instanceof Int || v instanceof Float || v instanceof Bool;
export const number = (v: Value & { value: number | boolean }): number => Number(v.value);
export const truth = (v: Value): boolean => v.__bool__().value;

/** The name that Python's errors give a type. */
export function typeName(v: Value): string {
  if (isStr(v)) return 'str';
  if (v instanceof Bool) return 'bool';
  if (v instanceof Int) return 'int';
  if (v instanceof Float) return 'float';
  if (isTuple(v)) return 'tuple';
  if (isList(v)) return 'list';
  if (isDict(v)) return 'dict';
  if (v instanceof None) return 'NoneType';
  if (isUndefined(v)) return 'Undefined';
  return isNamespace(v) ? 'Namespace' : 'function';
}

/** Arguments of a call: those by place, those by name. */
export interface Arguments {
  readonly list: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

export function argumentsOf(args: readonly Value[]): Arguments {
  const last = args.at(-1);
  return last?.type === 'KeywordArgumentsValue'
    ? { list: args.slice(0, -1), named: last.value as Map<string, Value> }
    : { list: args, named: new Map() };
}

/** An argument by place or name. */
export const argument = (args: Arguments, at: number, name: string): Value | undefined =>
  args.list[at] ?? args.named.get(name);

export function textArgument(args: Arguments, at: number, name: string): string | undefined {
  const v = argument(args, at, name);
  if (v === undefined || v instanceof None) return undefined;
  if (!isStr(v)) throw new Error(`${name} must be str, not ${typeName(v)}`);
  return v.value;
}

export function intArgument(args: Arguments, at: number, name: string): number | undefined {
  const v = argument(args, at, name);
  if (v === undefined || v instanceof None) return undefined;
  if (!isNumber(v)) throw new Error(`${name} must be int, not ${typeName(v)}`);
  return number(v);
}

export const flagArgument = (
  args: Arguments,
  at: number,
  name: string,
  otherwise: boolean,
): boolean => {
  const v = argument(args, at, name);
  return v === undefined ? otherwise : truth(v);
};
