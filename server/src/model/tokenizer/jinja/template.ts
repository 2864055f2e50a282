import { Environment, parse, tokenize } from '@huggingface/jinja';
import { messageOf } from '../../../errors.js';
import { TemplateLimitError, type Budget } from './budget.js';
import { PythonInterpreter, scopeOf, type Node } from './interpreter.js';
import { str } from './python.js';
import {
  argumentsOf,
  Bool,
  Dict,
  Func,
  Int,
  isDict,
  isNumber,
  List,
  None,
  number,
  Str,
  typeName,
  type Value,
} from './values.js';

/** jinja2's sandbox refuses longer ranges. */
const MAX_RANGE = 100_000;

function range(args: readonly Value[], budget: Budget): Value {
  const [a, b, c] = args.map((v) => {
    if (!isNumber(v))
      throw new Error(`'${typeName(v)}' object cannot be interpreted as an integer`);
    return number(v);
  });
  const [start, stop, step] = b === undefined ? [0, a ?? 0, 1] : [a ?? 0, b, c ?? 1];
  if (step === 0) throw new Error('range() arg 3 must not be zero');
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (length > MAX_RANGE)
    throw new TemplateLimitError(`its range of ${length} is longer than ${MAX_RANGE}`);
  budget.list(length);
  return new List(Array.from({ length }, (_, i) => new Int(start + i * step)));
}

/** Characters of a template; the published ones have a few thousand. */
const LONGEST_TEMPLATE = 1 << 20;

/** What jinja2 takes and the library's parser does not, and how to write it for both. */
const UNSUPPORTED: readonly (readonly [RegExp, string])[] = [
  [/\bis\s+(?:not\s+)?\w+\s*\(/, 'a test with arguments; write it as a comparison, such as `n % 3 == 0`'],
  [/\(\s*\)|,\s*\)/, 'an empty tuple or a comma before a closing parenthesis; write a list'],
  [/\b\d[\d.]*e[+-]?\d/i, 'a number with an exponent; write its digits out'],
  [/\b(?:0[xob][\da-f]|\d+_\d)/i, 'a number that is not plain decimal digits'],
]; // prettier-ignore

/** The first of these in a tag of `source`, outside its texts. */
function unsupported(source: string): string | undefined {
  const tags = source.match(/\{[{%][\s\S]*?[}%]\}/g) ?? [];
  const code = tags.map((tag) => tag.replace(/'[^']*'|"[^"]*"/g, "''")).join('\n');
  const found = UNSUPPORTED.find(([form]) => form.test(code));
  return found && `perhaps of what jinja2 takes and QRM Lens does not yet: ${found[1]}`;
}

/** A Jinja template as transformers compiles it: trim_blocks, lstrip_blocks, loop controls. */
export class JinjaTemplate {
  readonly #program: ReturnType<typeof parse>;

  /** @throws Error when it is not valid Jinja */
  constructor(source: string) {
    if (source.length > LONGEST_TEMPLATE) {
      throw new Error(`it has ${source.length} characters; expected at most ${LONGEST_TEMPLATE}`);
    }
    try {
      this.#program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      if (error instanceof RangeError) throw new Error('it is nested too deeply');
      // The library reads beyond its last token.
      if (error instanceof TypeError) throw new Error('it ends within a tag or an expression');
      const known = unsupported(source);
      if (known !== undefined) throw new Error(`${messageOf(error)} (${known})`);
      throw error;
    }
  }

  /**
   * @param variables plain data
   * @param strftime what `strftime_now(format)` gives
   * @throws Error with the template's own reason; TemplateLimitError when it has no end
   */
  render(
    variables: Readonly<Record<string, unknown>>,
    budget: Budget,
    strftime: (format: string) => string,
  ): string {
    const scope = new Environment();
    const { set } = scopeOf(scope);
    for (const [name, value] of Object.entries(variables)) scope.set(name, value);
    for (const [name, value] of [
      ['true', new Bool(true)],
      ['false', new Bool(false)],
      ['none', new None(null)],
    ] as const) {
      set(name, value);
      set(name[0]!.toUpperCase() + name.slice(1), value);
    }
    set('range', new Func((args) => range(args, budget)));
    set(
      'dict',
      new Func((args) => {
        const { list, named } = argumentsOf(args);
        return new Dict(new Map([...(isDict(list[0]) ? list[0].value : []), ...named]));
      }),
    );
    set(
      'raise_exception',
      new Func((args) => {
        throw new Error(args[0] ? str(args[0], budget) : 'the template raised an exception');
      }),
    );
    set('strftime_now', new Func((args) => new Str(strftime(args[0] ? str(args[0], budget) : ''))));
    try {
      const program = this.#program as unknown as Node;
      return str(new PythonInterpreter(scope, budget).evaluate(program, scope), budget);
    } catch (error) {
      if (error instanceof RangeError) throw new TemplateLimitError('it is nested too deeply');
      throw error;
    }
  }
}
