import type { FieldMapping } from '../formats.js';
import type { ValueNode } from '../json/tree.js';
import { RESPONSE_NAMES } from '../mapping.js';
import { parseNested } from './nested.js';

/** The node at a dotted path; a string on the way is read as JSON, since the path says that it is. */
export function nodeAt(root: ValueNode, path: string): ValueNode | undefined {
  if (root.kind === 'text') {
    const inner = parseNested(root);
    return inner.ok && inner.node.kind !== 'text' ? nodeAt(inner.node, path) : undefined;
  }
  if (root.kind === 'record') {
    const whole = root.fields.get(path);
    if (whole !== undefined) return whole;
    // Longest key first, so that keys with dots are found.
    for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
      const child = root.fields.get(path.slice(0, dot));
      const found = child && nodeAt(child, path.slice(dot + 1));
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (root.kind !== 'list') return undefined;
  const [head, ...rest] = path.split('.');
  const item = /^\d+$/.test(head!) ? root.items[Number(head)] : undefined;
  return item === undefined || rest.length === 0 ? item : nodeAt(item, rest.join('.'));
}

/** Has a record one of the fields that a mapping takes a response from? */
export const concerns = (root: ValueNode, mapping: FieldMapping): boolean =>
  RESPONSE_NAMES.some((name) => {
    const path = mapping[name];
    return path !== undefined && nodeAt(root, path) !== undefined;
  });
