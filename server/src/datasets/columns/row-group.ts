import {
  parquetSchema,
  type AsyncBuffer,
  type ColumnMetaData,
  type FileMetaData,
  type SchemaTree,
} from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { getTreePath } from 'hyparquet/src/schema.js';
import { leafOf, type Leaf } from './leaf.js';
import { parsers } from './values.js';
import { messageOf } from '../../errors.js';

/** Rows that are made at a time, and the bytes of text that they may have in one column. */
const ROWS = 256;
const BYTES = 1 << 22;

/** Rows of a row group: the values of each top-level column. */
export interface RowRange {
  /** Ordinal of the first row in the group. */
  readonly start: number;
  readonly count: number;
  readonly columns: readonly (readonly [name: string, values: readonly unknown[]])[];
}

/** What could not be read, with the column that it was found in and the first row that is lost. */
export class ColumnError extends Error {
  constructor(
    readonly column: string,
    readonly row: number,
    cause: unknown,
  ) {
    super(messageOf(cause));
  }
}

interface Field {
  readonly tree: SchemaTree;
  readonly leaves: readonly Leaf[];
}

/** Of two fields of one name each has its part of the chunks under that name: those stand in the order of the schema. */
function fieldsOf(file: AsyncBuffer, metadata: FileMetaData, group: number): Field[] {
  const schema = parquetSchema(metadata);
  const chunks = new Map<string, ColumnMetaData[]>();
  for (const { meta_data: meta, file_path: path } of metadata.row_groups[group]?.columns ?? []) {
    if (meta === undefined || path !== undefined)
      throw new Error('a column is encrypted or stands in another file; expected it in this one');
    const [name = ''] = meta.path_in_schema;
    chunks.set(name, [...(chunks.get(name) ?? []), meta]);
  }
  const fields = schema.children.flatMap((tree) => {
    const alone = { ...schema, children: [tree] };
    const own = chunks.get(tree.element.name)?.splice(0, leavesOf(tree)) ?? [];
    const leaves = own.map((meta) => leafOf(file, getTreePath(alone, meta.path_in_schema), meta));
    return leaves.length === 0 ? [] : [{ tree, leaves }];
  });
  const left = [...chunks].find(([, metas]) => metas.length > 0)?.[0];
  if (left !== undefined) throw new Error(`it has a column '${left}' more than its schema`);
  return fields;
}

const leavesOf = ({ children }: SchemaTree): number =>
  children.length === 0 ? 1 : children.reduce((n, child) => n + leavesOf(child), 0);

/**
 * The rows of a row group from `from` on, some hundred at a time: of each column there is one page in
 * memory, never the group.
 * @throws ColumnError
 */
export async function* rowsOf(
  file: AsyncBuffer,
  metadata: FileMetaData,
  group: number,
  from: number,
): AsyncGenerator<RowRange> {
  const total = Number(metadata.row_groups[group]?.num_rows ?? 0);
  const fields = fieldsOf(file, metadata, group);
  const leaves = fields.flatMap((field) => field.leaves);
  let start = from;
  const at = async <T>(leaf: Leaf, action: () => T | Promise<T>): Promise<T> => {
    try {
      return await action();
    } catch (error) {
      throw new ColumnError(leaf.path.join('.'), start, error);
    }
  };
  for (const leaf of leaves) if (from > 0) await at(leaf, () => leaf.skip(from));
  while (start < total && leaves.length > 0) {
    let count = Math.min(ROWS, total - start);
    for (const leaf of leaves) {
      const got = await at(leaf, async () => {
        while (leaf.available < 1 && (await leaf.fill()));
        if (leaf.available < 1) throw new Error(`it ends before row ${start} of ${total}`);
        return leaf.within(Math.min(count, leaf.available), BYTES);
      });
      count = Math.min(count, got);
    }
    const columns: [string, readonly unknown[]][] = [];
    for (const { tree, leaves: own } of fields) {
      const values = await at(own[0]!, () => valuesOf(tree, own, count));
      columns.push([tree.element.name, values]);
    }
    yield { start, count, columns };
    start += count;
  }
}

function valuesOf(tree: SchemaTree, leaves: readonly Leaf[], count: number): readonly unknown[] {
  if (tree.children.length === 0) return leaves[0]!.take(count);
  const parts = new Map(leaves.map((leaf) => [leaf.path.join('.'), leaf.take(count)]));
  assembleNested(parts, tree, parsers);
  const values = parts.get(tree.element.name);
  if (values === undefined) throw new Error('its parts do not make a value');
  return values;
}
