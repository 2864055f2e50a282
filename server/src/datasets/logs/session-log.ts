// Session files of VS Code: the state of a chat as a log of changes.
import type { RecordNode, ValueNode } from '../json/tree.js';
import { at, said } from '../rows/exports/rewrite.js';
import { textOf } from '../rows/fields.js';
import type { Line } from './line.js';

type Key = string | number;
/** Lists and records that may be changed. */
interface OpenRecord {
  readonly kind: 'record';
  readonly fields: Map<string, ValueNode>;
}
interface OpenList {
  readonly kind: 'list';
  readonly items: ValueNode[];
}

function open(node: ValueNode): ValueNode {
  if (node.kind === 'list') return { kind: 'list', items: node.items.map(open) };
  if (node.kind === 'record')
    return { kind: 'record', fields: new Map([...node.fields].map(([k, v]) => [k, open(v)])) };
  return node;
}

const keysOf = (path: ValueNode | undefined): Key[] =>
  path?.kind === 'list'
    ? path.items.map((k) => (k.kind === 'scalar' ? Number(k.value) : (textOf(k)?.value ?? '')))
    : [];

function child(node: ValueNode | undefined, key: Key): ValueNode | undefined {
  if (node?.kind === 'record') return node.fields.get(String(key));
  return node?.kind === 'list' ? node.items[Number(key)] : undefined;
}

function set(node: ValueNode | undefined, key: Key, value: ValueNode | undefined): boolean {
  if (node?.kind === 'record') {
    const { fields } = node as OpenRecord;
    if (value === undefined) fields.delete(String(key));
    else fields.set(String(key), value);
    return true;
  }
  // A list grows by one at its end, never with holes.
  if (node?.kind !== 'list' || !(Number(key) >= 0 && Number(key) <= node.items.length))
    return false;
  const { items } = node as OpenList;
  if (value === undefined) items.splice(Number(key), 1);
  else items[Number(key)] = value;
  return true;
}

/**
 * The state after the log's changes: kind 0 is the whole state, 1 sets a value at a path, 2 cuts a list at
 * `i` and appends, 3 deletes. @returns the changes that fit nothing, too
 */
export function sessionState(lines: readonly Line[]): {
  state: RecordNode | undefined;
  lost: Line[];
} {
  let state: ValueNode | undefined;
  const lost: Line[] = [];
  for (const line of lines) {
    const { record } = line;
    const kind = said(record, 'kind');
    const value = at(record, 'v');
    if (kind === '0') {
      state = value && open(value);
      continue;
    }
    const path = keysOf(at(record, 'k'));
    const last = path.at(-1);
    const parent = path.slice(0, -1).reduce<ValueNode | undefined>(child, state);
    let fits = false;
    if (last !== undefined && kind === '1') fits = set(parent, last, value && open(value));
    else if (last !== undefined && kind === '3') fits = set(parent, last, undefined);
    else if (kind === '2') {
      let list = path.reduce<ValueNode | undefined>(child, state);
      if (
        list === undefined &&
        last !== undefined &&
        set(parent, last, { kind: 'list', items: [] })
      )
        list = child(parent, last);
      if (list?.kind === 'list') {
        const { items } = list as OpenList;
        const cut = Number(said(record, 'i') ?? Number.NaN);
        if (cut >= 0 && cut < items.length) items.length = cut;
        for (const item of value?.kind === 'list' ? value.items : []) items.push(open(item));
        fits = true;
      }
    }
    if (!fits) lost.push(line);
  }
  return { state: state?.kind === 'record' ? state : undefined, lost };
}
