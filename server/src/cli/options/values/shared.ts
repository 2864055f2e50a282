import { Option, type Command } from 'commander';
import { existsSync } from 'node:fs';
import {
  CODES,
  NEAR_PERCENT,
  parseThreshold,
  thresholdForm,
  RULES,
  SEVERITIES,
  type Finding,
  type FindingCode,
  type Threshold,
  type Thresholds,
} from '../../../audit/index.js';
import {
  CONTAINERS,
  parseMapping,
  type Container,
  type FieldMapping,
} from '../../../datasets/index.js';
import { doubleKey } from '../../../files/json-keys.js';
import { readUserText } from '../../../files/user-text.js';
import { DEVICES, PRECISIONS } from '../../../protocol/index.js';
import { DEFAULT_CVAR_LEVEL, DEFAULT_TAU, type QrmSpec } from '../../../qrm/index.js';
import { UsageError } from '../../errors.js';

export function number(name: string, low: number, high: number, whole = false) {
  return (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= low && value <= high) || (whole && !Number.isInteger(value))) {
      throw new UsageError(
        `${name} ${text}: expected a${whole ? ' whole' : ''} number from ${low} to ${high}`,
      );
    }
    return value;
  };
}

/** How a model is run, the same for every command that opens one. */
export const engineOptions = (command: Command): Command =>
  command
    .addOption(new Option('--device <name>', 'execution provider').choices(DEVICES).default('auto'))
    .addOption(
      new Option('--precision <name>', 'auto: by device and free memory')
        .choices(['auto', ...PRECISIONS])
        .default('auto'),
    )
    .option(
      '--gpu-memory <GB>',
      'of the GPU that may be used; default: what is free',
      number('--gpu-memory', 0.1, 10_000),
    )
    .option('--threads <n>', 'default: one for each core', number('--threads', 1, 1024, true));

/** How data files are read, the same for every command that reads some. @param formats that it takes */
export const inputOptions = (
  command: Command,
  formats: readonly Container[] = CONTAINERS,
): Command =>
  command
    .option('--limit <n>', 'only the first N rows of each file', number('--limit', 1, 1e12, true))
    .option('--mapping <json>', 'which fields hold what: a JSON object or a file of one', mapping)
    .addOption(
      new Option('--input-format <name>', 'default: told from the content').choices([...formats]),
    );

/** Which part of a distribution its left tail is. */
export const tailOptions = (command: Command): Command =>
  command
    .option('--tau <level>', 'level of the left tail', number('--tau', 1e-6, 0.5), DEFAULT_TAU)
    .option(
      '--cvar-level <share>',
      'share of the worst rewards that CVaR averages',
      number('--cvar-level', 1e-6, 1),
      DEFAULT_CVAR_LEVEL,
    );

/** One option for each rule that has a threshold. */
export function thresholdOptions(command: Command): Command {
  for (const { code, threshold: spec } of RULES) {
    if (spec === undefined) continue;
    const flag = `--${spec.option}`;
    const { default: usual } = spec;
    const standard = usual.kind === 'relative' ? `${usual.share * 100}%` : `${usual.value}`;
    const parse = (text: string): Threshold => {
      try {
        return parseThreshold(text, flag, spec);
      } catch {
        throw new UsageError(`${flag} ${text}: expected ${thresholdForm(spec)}`);
      }
    };
    command.option(
      `${flag} <${spec.figure ? 'x' : 'n'}>`,
      `${code}: ${plain(spec.help)} (default ${standard})`,
      parse,
    );
  }
  return command;
}

/** The first sentence of a setting's Markdown. */
const plain = (markdown: string): string =>
  (markdown.split('. ')[0] ?? '').replaceAll('`', '').replace(/\.$/, '');

interface Asking {
  readonly select?: ReadonlySet<FindingCode>;
  readonly drop?: ReadonlySet<FindingCode>;
  readonly failOn?: FailOn;
}

/** What the options set, by the rules' names. @param options as commander gives them */
export function thresholds(options: Asking): Thresholds {
  const given = new Map(Object.entries(options));
  const { select, drop, failOn } = options;
  // Who names the code means it.
  const near = [select, drop].some((codes) => codes?.has('near-duplicate') === true);
  if ((near || failOn?.code === 'near-duplicate') && !given.has('nearDuplicate'))
    given.set('nearDuplicate', { kind: 'absolute', value: NEAR_PERCENT });
  return Object.fromEntries(
    RULES.flatMap(({ threshold: spec }) => {
      const camel = spec?.option.replace(/-./g, (dash) => dash.slice(1).toUpperCase());
      const value = camel === undefined ? undefined : (given.get(camel) as Threshold | undefined);
      return spec === undefined || value === undefined ? [] : [[spec.name, value]];
    }),
  );
}

/** `low-left-tail,inverted-pair`. */
export function codes(name: string) {
  return (text: string): Set<FindingCode> => {
    const set = new Set<FindingCode>();
    for (const part of text.split(',')) {
      const code = CODES.find((c) => c === part.trim());
      if (code === undefined) {
        throw new UsageError(`${name} ${part}: expected codes out of ${CODES.join(', ')}`);
      }
      set.add(code);
    }
    return set;
  };
}

/** The form of a list of weights: its names are known with the model, which takes time to load. */
export function weightList(text: string): string {
  const names = new Set<string>();
  for (const part of text.split(',')) {
    const at = part.lastIndexOf('=');
    const name = part.slice(0, Math.max(0, at)).trim();
    if (name === '') throw new UsageError(`--weights ${part}: expected NAME=WEIGHT`);
    if (names.has(name)) throw new UsageError(`--weights ${part}: expected each name once`);
    names.add(name);
    number('--weights', -1e6, 1e6)(part.slice(at + 1));
  }
  return text;
}

/** `name=0.7,other=0.3` as weights in the model's order; attributes not named get 0. */
export function weights(text: string, attributes: readonly string[]): number[] {
  const out = attributes.map(() => 0);
  for (const part of text.split(',')) {
    const at = part.lastIndexOf('=');
    const index = attributes.indexOf(part.slice(0, at).trim());
    if (at < 0 || index < 0) {
      throw new UsageError(
        `--weights ${part}: expected NAME=WEIGHT with one of ${attributes.join(', ')}`,
      );
    }
    out[index] = number('--weights', -1e6, 1e6)(part.slice(at + 1));
  }
  return out;
}

/** Those of `--weights`, where it is given. */
export const weightsGiven = (
  { weights: text }: { readonly weights?: string },
  { attributes }: Pick<QrmSpec, 'attributes'>,
): number[] | undefined => (text === undefined ? undefined : weights(text, attributes));

export function mapping(text: string): FieldMapping {
  const json = existsSync(text) ? readUserText(text) : text;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new UsageError(`--mapping ${text}: expected a JSON object, or a file holding one`);
  }
  // On a command line a mistake is better corrected than left out.
  const fail = (message: string): never => {
    throw new UsageError(message);
  };
  const double = doubleKey(json);
  if (double !== undefined)
    fail(`--mapping: the key '${double}' stands twice in one object; expected it once`);
  return parseMapping(value, '--mapping', fail) ?? fail('--mapping: expected a JSON object');
}

/** Whether a run fails by its findings: told of each, and how many more there are of its kind. */
export interface FailOn {
  readonly counts: (finding: Pick<Finding, 'code' | 'severity'>) => boolean;
  readonly least: number;
  /** Where it is of one code. */
  readonly code?: FindingCode;
}

/** `CODE`, `CODE:n` (n findings or more) or a severity (`warning` covers errors too). */
export function failOn(text: string): FailOn {
  const [name = '', count] = text.split(':');
  const least = count === undefined ? 1 : number('--fail-on', 1, 1e9, true)(count);
  const severity = SEVERITIES.findIndex((s) => s === name);
  const code = CODES.find((c) => c === name);
  if (severity < 0 && code === undefined) {
    throw new UsageError(
      `--fail-on ${name}: expected one of ${[...CODES, ...SEVERITIES].join(', ')}`,
    );
  }
  return {
    counts: (f) => (severity < 0 ? f.code === name : SEVERITIES.indexOf(f.severity) <= severity),
    least,
    ...(code !== undefined && { code }),
  };
}

/** `URL[,URL…]`. */
export function endpoints(text: string): string[] {
  return text.split(',').map((part) => {
    const url = part.trim();
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url))
      throw new UsageError(`--endpoint ${part}: expected URLs such as http://127.0.0.1:8000`);
    return url;
  });
}
