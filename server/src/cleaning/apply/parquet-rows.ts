// Parquet cleaned: the rows that stay are decoded and written again, with the file's own schema, and read back.
import { isDeepStrictEqual } from 'node:util';
import { gzipSync } from 'node:zlib';
import {
  asyncBufferFromFile,
  parquetMetadataAsync,
  parquetReadObjects,
  type AsyncBuffer,
  type CompressionCodec,
  type FileMetaData,
  type SchemaElement,
} from 'hyparquet';
import { compressors } from '../../datasets/index.js';
import { ByteWriter, ParquetWriter, type ColumnSource } from 'hyparquet-writer';
import type { DatasetRow } from '../../datasets/types.js';
import { ANNOTATIONS, type Annotation, type FilePlan, type Unchanged } from '../changes.js';

type Row = Record<string, unknown>;
const ENCODERS = { GZIP: (input: Uint8Array) => new Uint8Array(gzipSync(input)) };

/**
 * A row with the other response chosen: its vote is turned, where a column of its own has one; else the columns that
 * its conversations' labels name are exchanged.
 */
function swapped(row: Row, dataset: DatasetRow | undefined): Row | undefined {
  if (dataset?.vote !== undefined) {
    const turned = dataset.vote.map(({ field, contrary }) => [field, typed(row[field], contrary)] as const); // prettier-ignore
    return turned.some(([, value]) => value === undefined)
      ? undefined
      : { ...row, ...Object.fromEntries(turned) };
  }
  const labels = dataset?.conversations.map((c) => c.label) ?? [];
  const names = ['', 'text_'].find((before) => labels.every((label) => before + label in row));
  if (labels.length !== 2 || names === undefined) return undefined;
  const [a, b] = labels.map((label) => names + label) as [string, string];
  return { ...row, [a]: row[b], [b]: row[a] };
}

/** A text as the column's own values are; undefined where it is none of them. */
function typed(old: unknown, text: string): unknown {
  switch (typeof old) {
    case 'bigint':
      return /^\s*-?\d+\s*$/.test(text) ? BigInt(text.trim()) : undefined;
    case 'number':
      return Number.isFinite(Number(text)) ? Number(text) : undefined;
    case 'boolean':
      return text === String(!old) ? !old : text === String(old) ? old : undefined;
    case 'string':
      return text;
    default:
      return old instanceof Uint8Array ? new TextEncoder().encode(text) : undefined;
  }
}

const LIST = (name: string, leaf: Partial<SchemaElement>): SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  { name: 'element', repetition_type: 'OPTIONAL', ...leaf },
];
const annotationSchema = (
  columns: readonly (keyof Annotation)[],
  taken: ReadonlySet<string>,
): { names: string[]; schema: SchemaElement[] } => {
  const names = columns.map((name) => (taken.has(name) ? `qrm_${name}` : name));
  const schema = columns.flatMap((name, i): SchemaElement[] => {
    const own = names[i]!;
    if (name.startsWith('p_')) return [{ name: own, type: 'DOUBLE', repetition_type: 'OPTIONAL' }];
    if (name === 'findings' || name === 'quantiles')
      return LIST(own, { type: 'BYTE_ARRAY', converted_type: 'UTF8' });
    return LIST(own, { type: 'DOUBLE' });
  });
  return { names, schema };
};

function annotationValues(
  columns: readonly (keyof Annotation)[],
  note: Annotation | undefined,
): unknown[] {
  return columns.map((name) => {
    const value = note?.[name];
    if (value === undefined || value === null) return null;
    if (name.startsWith('p_')) return value;
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    // A list of texts: of each response its quantiles.
    if (name === 'quantiles')
      return Array.isArray(list[0]) ? list.map((q) => JSON.stringify(q)) : [JSON.stringify(list)];
    return list;
  });
}

export interface ParquetRows {
  readonly bytes: Uint8Array;
  readonly unchanged: Unchanged[];
}

/**
 * The bytes of a Parquet file after a plan: the same schema, key-value metadata, row groups (those that lose
 * all their rows are left out) and codec.
 * @param rowOf the row as the reader has it, for swaps
 * @throws Error where a row that stays does not read back as it was
 */
export async function cleanedParquet(
  path: string,
  plan: FilePlan,
  rowOf: (row: number) => DatasetRow | undefined,
  part?: number,
): Promise<ParquetRows> {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  const unchanged: Unchanged[] = [];
  const [root, ...own] = metadata.schema;
  if (root === undefined) throw new Error('the file has no schema');
  const columns = topLevel(metadata.schema);
  const added = plan.annotate
    ? annotationSchema(plan.columns ?? ANNOTATIONS, new Set(columns))
    : { names: [], schema: [] };
  const schema = [
    { ...root, num_children: (root.num_children ?? 0) + added.names.length },
    ...own,
    ...added.schema,
  ];
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema,
    codec: codecOf(metadata),
    compressors: ENCODERS,
    ...(metadata.key_value_metadata && { kvMetadata: metadata.key_value_metadata }),
  });
  const expected: Row[] = [];
  let start = 0;
  for (const group of metadata.row_groups) {
    const count = Number(group.num_rows);
    const rows = await rowsOf(file, metadata, start, start + count);
    const kept: Row[] = [];
    for (const [i, row] of rows.entries()) {
      const n = start + i;
      const change = plan.changes.get(n);
      if (change?.action === 'remove') continue;
      if (part !== undefined && plan.partOf?.(n) !== part) continue;
      let out = row;
      if (change?.action === 'swap') {
        const other = swapped(row, rowOf(n));
        if (other === undefined)
          unchanged.push({
            row: n,
            why: 'chosen and rejected are no columns that could be exchanged',
          });
        out = other ?? row;
      }
      if (plan.annotate) {
        const values = annotationValues(plan.columns ?? ANNOTATIONS, plan.annotate(n));
        out = { ...out, ...Object.fromEntries(added.names.map((name, v) => [name, values[v]])) };
      }
      kept.push(out);
    }
    start += count;
    if (kept.length === 0) continue;
    expected.push(...kept);
    const columnData = [...columns, ...added.names].map((name): ColumnSource => ({
      name,
      data: kept.map((row) => row[name] ?? null),
    }));
    await parquet.write({ columnData, rowGroupSize: kept.length });
  }
  await parquet.finish();
  const bytes = writer.getBytes().slice();
  const whole: AsyncBuffer = {
    byteLength: bytes.length,
    slice: (from, to) => bytes.slice(from, to).buffer,
  };
  const again = await rowsOf(whole, await parquetMetadataAsync(whole), 0, expected.length);
  const odd = expected.findIndex((row, i) => !isDeepStrictEqual(plain(row), plain(again[i])));
  if (odd >= 0 || again.length !== expected.length)
    throw new Error(
      `a column of this Parquet file cannot be written back as it is (first seen in row ${odd} of those kept); nothing was written. Convert it to JSON Lines first`,
    );
  return { bytes, unchanged };
}

const rowsOf = (
  file: AsyncBuffer,
  metadata: FileMetaData,
  rowStart: number,
  rowEnd: number,
): Promise<Row[]> =>
  parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors, utf8: false }) as Promise<
    Row[]
  >;

/** Absent and null are the same to a column. */
function plain(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}

function topLevel(schema: readonly SchemaElement[]): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    const { num_children: children = 0 } = schema[at++]!;
    for (let n = 0; n < children; n++) skip();
  };
  for (let n = 0; n < (schema[0]?.num_children ?? 0); n++) {
    names.push(schema[at]!.name);
    skip();
  }
  return names;
}

/** The file's own codec where it can be written, else Snappy. */
function codecOf({ row_groups: [group] }: FileMetaData): CompressionCodec {
  const codec = group?.columns[0]?.meta_data?.codec;
  return codec === 'UNCOMPRESSED' || codec === 'GZIP' ? codec : 'SNAPPY';
}
