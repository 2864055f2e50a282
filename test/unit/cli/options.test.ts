import { CommanderError, type Option } from 'commander';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { takesOne } from '../../../server/src/cli/options/values/once.js';
import { mapping, weightList } from '../../../server/src/cli/options/values/shared.js';
import { qrmProgram } from '../../../server/src/cli/program.js';
import { doubleKey } from '../../../server/src/files/json-keys.js';
import { readTrainConfig } from '../../../server/src/training/config/read-config.js';

beforeAll(() => void vi.spyOn(process.stderr, 'write').mockImplementation(() => true));
afterAll(() => void vi.restoreAllMocks());

/** Of these each parser takes one at least. */
const VALUES = [
  '1',
  '0.5',
  '100',
  '80%',
  'low-left-tail',
  'inverted-pair',
  'any',
  'A=1',
  'http://127.0.0.1:1',
  '{"chosen": "a"}',
];

/** What a command is given, or the error it ends with; its work is not done. */
async function parse(name: string, args: readonly string[]): Promise<object> {
  const program = qrmProgram('0');
  const command = program.commands.find((c) => c.name() === name)!;
  let given: object = {};
  command.action(() => {
    given = command.opts();
  });
  const operands = command.registeredArguments.map(() => 'x');
  try {
    await program.parseAsync(['node', 'qrm', name, ...args, '--', ...operands]);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return given;
}

const options = qrmProgram('0').commands.flatMap((command) =>
  command.options.map((option) => ({ command: command.name(), option })),
);
const flag = (option: Option) => option.long!;
/** The first value with which an option can be given. */
async function accepted(command: string, option: Option): Promise<string> {
  for (const value of [...(option.argChoices ?? []), ...VALUES])
    if (!((await parse(command, [flag(option), value])) instanceof Error)) return value;
  throw new Error(`${command} ${option.flags}: no value of the test fits`);
}

describe('options given twice', () => {
  it.each(
    options
      .filter(({ option }) => takesOne(option))
      .map((o) => [`qrm ${o.command} ${flag(o.option)}`, o] as const),
  )('%s is refused', async (_, { command, option }) => {
    const value = await accepted(command, option);
    for (const args of [
      [flag(option), value, flag(option), value],
      [`${flag(option)}=${value}`, flag(option), value],
      [flag(option), value, '--quiet', `${flag(option)}=${value}`].filter(
        (arg) =>
          arg !== '--quiet' || options.some((o) => o.command === command && flag(o.option) === arg),
      ),
    ]) {
      const error = await parse(command, args);
      expect(error).toBeInstanceOf(CommanderError);
      expect((error as CommanderError).exitCode).not.toBe(0);
      expect((error as Error).message).toContain(`option '${option.flags}' is given twice`);
    }
  });

  it.each(
    options
      .filter(({ option }) => !takesOne(option))
      .map((o) => [`qrm ${o.command} ${flag(o.option)}`, o] as const),
  )('%s holds both, or is a switch', async (_, { command, option }) => {
    const value = option.isBoolean() || option.negate ? [] : [await accepted(command, option)];
    const once = [flag(option), ...value];
    const given = new Map(Object.entries(await parse(command, [...once, ...once])));
    const key = option.attributeName();
    if (value.length === 0) expect(given.get(key)).toBe(!option.negate);
    else expect(given.get(key)).toHaveLength(2);
  });

  it('lets those collect that say so', () => {
    const several = options.filter(({ option }) => option.required && !takesOne(option));
    expect(several.map((o) => `${o.command} ${flag(o.option)}`)).toEqual([
      'audit --model',
      'audit --endpoint',
      'score --input',
      'clean --model',
      'clean --endpoint',
      'evaluate --model',
      'train --attributes',
      'train --scale',
      'train --pairs',
      'mcp --root',
    ]);
  });
});

describe('names given twice inside a value', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-options-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('refuses a weight, and a key of a mapping or a config', async () => {
    expect(() => weightList('a=1,b=2,a=3')).toThrow('--weights a=3: expected each name once');
    expect(() => weightList('a=1, a=3')).toThrow('each name once');
    expect(weightList('a=1,b=1')).toBe('a=1,b=1');
    expect(() => mapping('{"chosen": "a", "rejected": "b", "chosen": "c"}')).toThrow(
      "--mapping: the key 'chosen' stands twice",
    );
    const file = join(folder, 'train.json');
    writeFileSync(file, '{"out": "x", "gate": {"epochs": 1, "epochs": 2}}');
    await expect(readTrainConfig(file, {})).rejects.toThrow(
      `${file}: the key "epochs" stands twice in one object`,
    );
  });
  it('tells keys from values, objects from one another, and reads escapes', () => {
    expect(
      doubleKey('{"a": "a", "b": {"a": "a:"}, "c": [{"a": 1}, {"a": 2}, "a"]}'),
    ).toBeUndefined();
    expect(doubleKey('{"a\\"{": 1, "b": "{\\"a\\": 1", "a\\"{" : 2}')).toBe('a"{');
    expect(doubleKey('[{"x": 1}, {"\\u0078": 1, "y": [], "x": 2}]')).toBe('x');
    expect(doubleKey('{"__proto__": 1}')).toBeUndefined();
    expect(doubleKey('{"__proto__": 1, "__proto__": 2}')).toBe('__proto__');
    expect(doubleKey('"text"')).toBeUndefined();
  });
});
