import type { FieldMapping } from '../formats.js';
import type { RecordNode, ValueNode } from '../json/tree.js';
import { absent, NotUnderstood } from './fields.js';
import { nodeAt } from './paths.js';

const NEEDED = ['prompt', 'chosen', 'rejected', 'response', 'messages', 'completions'] as const;

/**
 * The record that a mapping makes: the fields that it names under their usual names, and no others.
 * @throws NotUnderstood when one of them is not there
 */
export function mapped(root: ValueNode, mapping: FieldMapping): RecordNode {
  const fields = new Map<string, ValueNode>();
  for (const name of [...NEEDED, 'system'] as const) {
    const path = mapping[name];
    const node = path === undefined ? undefined : nodeAt(root, path);
    if (node !== undefined && !absent(node)) fields.set(name, node);
  }
  const lost = NEEDED.find((name) => mapping[name] !== undefined && !fields.has(name));
  if (lost !== undefined)
    throw new NotUnderstood(
      `the mapping takes ${lost} from '${mapping[lost]}', which holds no text here`,
    );
  const has = (name: (typeof NEEDED)[number]): boolean => fields.has(name);
  if (!['chosen', 'rejected', 'response', 'messages', 'completions'].some((n) => fields.has(n)))
    throw new NotUnderstood(
      'the mapping names no chosen, rejected, response, messages or completions',
    );
  // One half of a pair is a response like any other.
  for (const half of ['chosen', 'rejected'] as const) {
    if (!has(half) || (has('chosen') && has('rejected')) || has('response')) continue;
    fields.set('response', fields.get(half)!);
    fields.delete(half);
  }
  return { kind: 'record', fields };
}
