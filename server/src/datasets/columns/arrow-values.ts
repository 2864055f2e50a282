import { DataType, DateUnit, type Vector } from 'apache-arrow';
import { dateText, decimalText, textOrBytes, timeText } from './scalars.js';

/** A whole number of 32-bit words, the least first. */
function words(value: Uint32Array): bigint {
  let number = 0n;
  for (let i = value.length - 1; i >= 0; i--) number = (number << 32n) | BigInt(value[i]!);
  return BigInt.asIntN(value.length * 32, number);
}

/** An object of entries, as structs and maps give them. */
function record(value: unknown, typeOf: (name: string) => DataType | undefined): unknown {
  const entries = [...(value as Iterable<[unknown, unknown]>)];
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
  if (!(Symbol.iterator in value)) return value;
  if ('length' in value && 'type' in value) {
    const list = value as Vector;
    return Array.from(list as Iterable<unknown>, (item) => plain(item, list.type));
  }
  if (DataType.isMap(type)) {
    const inner = type.children[0]?.type as DataType | undefined;
    const values = inner?.children?.[1]?.type as DataType | undefined;
    return record(value, () => values);
  }
  const children = new Map(
    ((type?.children ?? []) as { name: string; type: DataType }[]).map((f) => [f.name, f.type]),
  );
  return record(value, (name) => children.get(name));
}

function scalar(value: unknown, type: DataType | undefined): unknown {
  if (DataType.isDictionary(type)) return scalar(value, type.dictionary as DataType);
  if (typeof value !== 'number') return value;
  // The library gives milliseconds whatever the unit.
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? dateText(value) : timeText(value);
  if (DataType.isTimestamp(type)) return timeText(Math.floor(value));
  return value;
}
