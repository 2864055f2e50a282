import type { ValueNode } from './json-tree.js';
import { UnplacedText } from './text.js';
import type { Place } from './types.js';

/** The node of a JavaScript value (a Parquet row, JSON in a cell); its texts have no place but `near`. */
export function nodeOfValue(value: unknown, near?: Place): ValueNode {
  if (typeof value === 'string') return new UnplacedText(value, near);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    return { kind: 'scalar', value };
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map((v) => nodeOfValue(v, near)) };
  if (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Date)
  ) {
    return {
      kind: 'record',
      fields: new Map(Object.entries(value).map(([k, v]) => [k, nodeOfValue(v, near)])),
    };
  }
  return { kind: 'scalar', value: null };
}
