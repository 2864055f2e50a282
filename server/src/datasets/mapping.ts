import type { FieldMapping } from './formats.js';

const NAMES = [
  'system',
  'prompt',
  'chosen',
  'rejected',
  'response',
  'messages',
  'completions',
] as const satisfies readonly (keyof FieldMapping)[];
/** Those that lead to a response. */
export const RESPONSE_NAMES = [
  'chosen',
  'rejected',
  'response',
  'messages',
  'completions',
] as const;
const EXAMPLE = '{"prompt": "question", "chosen": "best", "rejected": "worst"}';

const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'a list' : value === null ? 'null' : `a ${typeof value}`;

/**
 * A mapping as people write it. What is wrong in it is told and left out; the rest holds.
 * @param name of the setting or option, for the messages
 * @returns undefined when nothing is given, or nothing that leads to a response
 */
export function parseMapping(
  value: unknown,
  name: string,
  warn: (message: string) => void,
): FieldMapping | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) {
    warn(`${name}: found ${kindOf(value)}, expected an object such as ${EXAMPLE}`);
    return undefined;
  }
  const mapping: { -readonly [K in keyof FieldMapping]: FieldMapping[K] } = {};
  for (const [key, field] of Object.entries(value as Record<string, unknown>)) {
    const known = NAMES.find((n) => n === key);
    if (known === undefined)
      warn(`${name}: found the key '${key.slice(0, 80)}', expected one of ${NAMES.join(', ')}`);
    else if (typeof field !== 'string')
      warn(`${name}.${key}: found ${kindOf(field)}, expected the name of a field as a text`);
    else if (field !== '') mapping[known] = field;
  }
  if (Object.keys(mapping).length === 0) return undefined;
  if (RESPONSE_NAMES.some((n) => mapping[n] !== undefined)) return mapping;
  warn(`${name}: found no field of a response, expected one of ${RESPONSE_NAMES.join(', ')}`);
  return undefined;
}
