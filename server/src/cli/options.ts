import { existsSync, readFileSync } from 'node:fs';
import {
  CODES,
  SEVERITIES,
  type Finding,
  type FindingCode,
  type Threshold,
} from '../audit/index.js';
import { parseMapping, type FieldMapping } from '../datasets/index.js';
import { UsageError } from './errors.js';

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

/** `-0.2` or `5%`. */
export function threshold(name: string) {
  return (text: string): Threshold =>
    text.endsWith('%')
      ? { kind: 'relative', share: number(name, 0, 100)(text.slice(0, -1)) / 100 }
      : { kind: 'absolute', value: number(name, -1e9, 1e9)(text) };
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

export function mapping(text: string): FieldMapping {
  const json = existsSync(text) ? readFileSync(text, 'utf8') : text;
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
  return parseMapping(value, '--mapping', fail) ?? fail('--mapping: expected a JSON object');
}

/** `CODE`, `CODE:n` (n findings or more) or a severity (`warning` covers errors too). */
export function failOn(text: string): (findings: readonly Finding[]) => boolean {
  const [name = '', count] = text.split(':');
  const least = count === undefined ? 1 : number('--fail-on', 1, 1e9, true)(count);
  const severity = SEVERITIES.findIndex((s) => s === name);
  if (severity < 0 && !CODES.some((c) => c === name)) {
    throw new UsageError(
      `--fail-on ${name}: expected one of ${[...CODES, ...SEVERITIES].join(', ')}`,
    );
  }
  const counts = (f: Finding) =>
    severity < 0 ? f.code === name : SEVERITIES.indexOf(f.severity) <= severity;
  return (findings) => findings.filter(counts).length >= least;
}
