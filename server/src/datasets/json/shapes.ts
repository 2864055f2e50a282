// Tables that are written as one JSON object: what pandas' to_json gives besides records (split, index,
// columns) and lists by column, as Dataset.to_dict of Hugging Face gives them.
import type { ListNode, RecordNode, ValueNode } from './tree.js';
import { PlacedText } from '../text.js';

export interface ShapedRow {
  readonly node: RecordNode;
  /** What stands for the row in the file: the row itself, or its field of one column. */
  readonly at: ValueNode | undefined;
}

export interface Shape {
  readonly rows: readonly ShapedRow[];
  /** The fields of a row stand apart in the file, or have a key before them. */
  readonly scattered: boolean;
}

const record = (fields: readonly (readonly [string, ValueNode])[]): RecordNode => ({
  kind: 'record',
  fields: new Map(fields),
});

/** `{"columns": [name, …], "data": [[value, …], …]}`. */
function split({ fields }: RecordNode): Shape | undefined {
  const [columns, data] = [fields.get('columns'), fields.get('data')];
  if (columns?.kind !== 'list' || data?.kind !== 'list' || columns.items.length === 0)
    return undefined;
  const names = columns.items.map((n) => (n.kind === 'text' ? n.value : undefined));
  const rows = data.items.map((at): ShapedRow => {
    const cells = at.kind === 'list' ? at.items : [];
    const named = names.flatMap((name, i): [string, ValueNode][] =>
      name === undefined || cells[i] === undefined ? [] : [[name, cells[i]]],
    );
    return { node: record(named), at };
  });
  return { rows, scattered: false };
}

/** `{"0": {name: value, …}, …}`: an object of rows. */
function byIndex({ fields }: RecordNode): Shape | undefined {
  const rows: ShapedRow[] = [];
  for (const node of fields.values()) {
    if (node.kind !== 'record') return undefined;
    rows.push({ node, at: node });
  }
  return { rows, scattered: true };
}

/** `{name: {"0": value, …}, …}` and `{name: [value, …], …}`: an object of columns, all of one length. */
function byColumn({ fields }: RecordNode): Shape | undefined {
  const columns = [...fields];
  const first = columns[0]?.[1];
  if (first === undefined) return undefined;
  let cells: readonly (readonly ValueNode[])[];
  if (first.kind === 'list') {
    const same = columns.every(
      ([, c]) => c.kind === 'list' && c.items.length === first.items.length,
    );
    if (!same) return undefined;
    cells = columns.map(([, c]) => (c as ListNode).items);
  } else if (first.kind === 'record') {
    const keys = [...first.fields.keys()];
    const same = columns.every(
      ([, c]) =>
        c.kind === 'record' &&
        c.fields.size === keys.length &&
        keys.every((key) => c.fields.has(key)),
    );
    if (!same) return undefined;
    cells = columns.map(([, c]) => keys.map((key) => (c as RecordNode).fields.get(key)!));
  } else return undefined;
  const count = cells[0]!.length;
  // Places ascend only along one column.
  const whole = cells.find((column) => column.every((cell) => cell instanceof PlacedText));
  const rows = Array.from({ length: count }, (_, i): ShapedRow => ({
    node: record(columns.map(([name], c) => [name, cells[c]![i]!])),
    at: whole?.[i],
  }));
  return { rows, scattered: true };
}

/** The readings of an object as a table, likeliest first; those without a row left out. */
export function shapesOf(node: ValueNode): Shape[] {
  if (node.kind !== 'record') return [];
  return [split(node), byIndex(node), byColumn(node)].filter(
    (shape): shape is Shape => shape !== undefined && shape.rows.length > 0,
  );
}
