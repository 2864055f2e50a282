import type { ValueNode } from './json/tree.js';
import { plainValue } from './columns/plain-values.js';

/** Texts above this are what a row is about, and no label of it. */
export const ASIDE_TEXT = 256;
/** A record keeps so much, counted as JSON. */
const ASIDE_BYTES = 64 * 1024;

/** See `DatasetRow.aside`. */
export function asideOf(node: ValueNode): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  if (node.kind !== 'record') return out;
  let room = ASIDE_BYTES;
  for (const [name, field] of node.fields) {
    const value = short(field);
    if (value === undefined) continue;
    room -= JSON.stringify(value).length + name.length;
    if (room < 0) break;
    // Assignment would take `__proto__` for something else.
    Object.defineProperty(out, name, { value, enumerable: true, configurable: true });
  }
  return out;
}

/** A value without its long texts; undefined when nothing else is in it. */
function short(node: ValueNode): unknown {
  switch (node.kind) {
    case 'text':
      return node.value.length <= ASIDE_TEXT ? node.value : undefined;
    case 'scalar':
      return plainValue(node);
    case 'list': {
      // Places of a list mean something: what is left out leaves a hole.
      const items = node.items.map((item) => short(item) ?? null);
      return items.some((item) => item !== null) ? items : undefined;
    }
    case 'record':
      return Object.fromEntries(
        [...node.fields].flatMap(([name, field]) => {
          const value = short(field);
          return value === undefined ? [] : [[name, value]];
        }),
      );
  }
}
