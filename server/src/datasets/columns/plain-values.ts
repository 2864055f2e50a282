import type { ValueNode } from '../json/tree.js';
import { UnplacedText } from '../text.js';

/** The node of a JavaScript value (a Parquet row); its texts have no place. */
export function nodeOfValue(value: unknown): ValueNode {
  if (typeof value === 'string') return new UnplacedText(value);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
    const none = typeof value === 'number' && !Number.isFinite(value);
    return { kind: 'scalar', value, text: none ? undefined : new UnplacedText(String(value)) };
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map(nodeOfValue) };
  if (value instanceof Uint8Array) return { kind: 'scalar', value: null, bytes: value };
  if (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Date)
  ) {
    return {
      kind: 'record',
      fields: new Map(Object.entries(value).map(([k, v]) => [k, nodeOfValue(v)])),
    };
  }
  return { kind: 'scalar', value: null };
}

/** The JavaScript value of a node, as JSON has it; a whole number beyond 2^53 is a text, and so are bytes (base64). */
export function plainValue(node: ValueNode): unknown {
  switch (node.kind) {
    case 'text':
      return node.value;
    case 'scalar':
      if (node.bytes !== undefined) return Buffer.from(node.bytes).toString('base64');
      if (typeof node.value !== 'bigint') return node.value;
      return Number.isSafeInteger(Number(node.value)) ? Number(node.value) : String(node.value);
    case 'list':
      return node.items.map(plainValue);
    case 'record':
      return Object.fromEntries([...node.fields].map(([k, v]) => [k, plainValue(v)]));
  }
}
