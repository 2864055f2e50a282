import type { Command, Option } from 'commander';

/** Parsers that add each value to those before it. */
const collecting = new WeakSet<object>();

/** The parser of an option that may be given again and again: it holds all values, in their order. */
export function collect<T>(parse: (text: string) => T): (text: string, before?: T[]) => T[] {
  const parser = (text: string, before: T[] = []): T[] => [...before, parse(text)];
  collecting.add(parser);
  return parser;
}

/** Does an option hold one value, so that a second one would take the first one's place? */
export const takesOne = (option: Option): boolean =>
  (option.required || option.optional) &&
  !option.variadic &&
  !(option.parseArg !== undefined && collecting.has(option.parseArg));

/**
 * Lets every option of a command that holds one value be given once: of two values nobody knows which was meant.
 * The command then fails while it is parsed, as for an option that it does not know.
 */
export function takeOnce(command: Command): void {
  for (const option of command.options.filter(takesOne)) {
    const { parseArg } = option;
    let first: string | undefined;
    option.argParser((text: string, before: unknown) => {
      if (first !== undefined)
        command.error(
          `error: option '${option.flags}' is given twice (${first}, then ${text}): expected it once`,
        );
      first = text;
      return parseArg === undefined ? text : parseArg(text, before);
    });
  }
}
