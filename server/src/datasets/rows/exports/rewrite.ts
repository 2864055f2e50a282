import type { Schema } from '../../formats.js';
import type { ListNode, RecordNode, ValueNode } from '../../json/tree.js';
import { UnplacedText } from '../../text.js';
import { textOf } from '../fields.js';
import { parseNested } from '../nested.js';

/** A record in fields that are known; or one of a log that holds no answer and is none. */
export type Export = { readonly record: RecordNode; readonly schema: Schema } | 'aside';

/** A record of these fields; those that are undefined are left out. */
export const recordOf = (fields: Readonly<Record<string, ValueNode | undefined>>): RecordNode => ({
  kind: 'record',
  fields: new Map(
    Object.entries(fields).filter((e): e is [string, ValueNode] => e[1] !== undefined),
  ),
});
export const listOf = (items: readonly ValueNode[]): ListNode => ({ kind: 'list', items });
/** A word of ours among what the file holds. */
export const word = (text: string): ValueNode => new UnplacedText(text);
export const message = (role: string, content: ValueNode | undefined): RecordNode =>
  recordOf({ role: word(role), content });

/** The value at a path of keys and list indices; a text on the way is read as JSON. */
export function at(
  node: ValueNode | undefined,
  ...path: readonly (string | number)[]
): ValueNode | undefined {
  let here = node;
  for (const key of path) {
    if (here?.kind === 'text') here = structureOf(here);
    if (here?.kind === 'record' && typeof key === 'string') here = here.fields.get(key);
    else if (here?.kind === 'list' && typeof key === 'number') here = here.items.at(key);
    else return undefined;
  }
  return here;
}

/** A list or an object, also where a text holds it as JSON (columns of tables do). */
export function structureOf(node: ValueNode | undefined): ValueNode | undefined {
  if (node?.kind !== 'text' || !/^\s*[[{]/.test(node.value)) return node;
  const inner = parseNested(node);
  return inner.ok ? inner.node : node;
}

export const itemsAt = (
  node: ValueNode | undefined,
  ...path: readonly (string | number)[]
): readonly ValueNode[] => {
  const found = structureOf(at(node, ...path));
  return found?.kind === 'list' ? found.items : [];
};
export const said = (
  node: ValueNode | undefined,
  ...path: readonly (string | number)[]
): string | undefined => textOf(at(node, ...path))?.value;
export const has = (node: ValueNode | undefined, ...names: readonly string[]): boolean =>
  node?.kind === 'record' && names.every((name) => node.fields.has(name));
