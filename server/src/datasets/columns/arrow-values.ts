import { DataType, MapRow, StructRow, Vector, type Data } from 'apache-arrow';
import { dateText, decimalText, textOrBytes, timeText } from './scalars.js';

/** A whole number of 32-bit words, the least first. */
function words(value: Uint32Array): bigint {
  let number = 0n;
  for (let i = value.length - 1; i >= 0; i--) number = (number << 32n) | BigInt(value[i]!);
  return BigInt.asIntN(value.length * 32, number);
}

/**
 * An object of the entries of a struct or map. Asked by name it would give its class's own members for names such as
 * `toString`.
 */
function record(
  value: Iterable<[unknown, unknown]>,
  typeOf: (name: string) => DataType | undefined,
): unknown {
  const entries = [...value];
  return Object.fromEntries(
    entries.map(([key, item]) => [String(key), plain(item, typeOf(String(key)))]),
  );
}

/**
 * A value of the library as a plain one: lists, objects, texts, numbers; bytes where they are no text.
 * @param type of the value; undefined inside a union, whose value does not tell its own
 */
export function plain(value: unknown, type: DataType | undefined): unknown {
  if (typeof value !== 'object' || value === null) return scalar(value, type);
  if (value instanceof Uint8Array) return textOrBytes(value);
  if (DataType.isDictionary(type)) return plain(value, type.dictionary as DataType);
  if (DataType.isDecimal(type)) return decimalText(words(value as Uint32Array), type.scale);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<unknown>, (v) => plain(v, undefined)); // prettier-ignore
  if (Array.isArray(value)) return value.map((v) => plain(v, undefined));
  if (value instanceof Vector) return Array.from(value, (item) => plain(item, value.type as DataType)); // prettier-ignore
  if (value instanceof MapRow) {
    const inner = type?.children[0]?.type as DataType | undefined;
    const values = inner?.children?.[1]?.type as DataType | undefined;
    return record(value, () => values);
  }
  if (!(value instanceof StructRow)) return value;
  const children = new Map(
    ((type?.children ?? []) as { name: string; type: DataType }[]).map((f) => [f.name, f.type]),
  );
  return record(value as Iterable<[unknown, unknown]>, (name) => children.get(name));
}

function scalar(value: unknown, type: DataType | undefined): unknown {
  if (DataType.isDictionary(type)) return scalar(value, type.dictionary as DataType);
  if (typeof value !== 'number') return value;
  // The library gives milliseconds whatever the unit; a date in milliseconds is of whole days, too.
  if (DataType.isDate(type)) return dateText(value);
  if (DataType.isTimestamp(type)) return timeText(Math.floor(value));
  return value;
}

/** A column without values has no bytes that tell how long it is. */
const NULLS = 1 << 24;

/** Has a column as many values as its header says? A damaged header names millions of millions, and each would be a row. */
export function holdsAll({ type, length, ...data }: Data): boolean {
  const bits = (buffer: { byteLength: number } | undefined): number =>
    (buffer?.byteLength ?? 0) * 8;
  if (DataType.isNull(type)) return length <= NULLS;
  const children = data.children as readonly Data[];
  if (DataType.isStruct(type))
    return children.length === 0
      ? length <= NULLS
      : children.every((child) => child.length >= length && holdsAll(child));
  if (DataType.isFixedSizeList(type))
    return children.every((child) => child.length >= length * type.listSize && holdsAll(child));
  if (DataType.isUnion(type)) return bits(data.typeIds) >= length * 8;
  // An empty column may have no offsets at all.
  if (
    DataType.isList(type) ||
    DataType.isMap(type) ||
    DataType.isUtf8(type) ||
    DataType.isBinary(type) ||
    DataType.isLargeUtf8(type) ||
    DataType.isLargeBinary(type)
  )
    return length === 0 || (data.valueOffsets?.length ?? 0) > length;
  return bits(data.values) >= length;
}
