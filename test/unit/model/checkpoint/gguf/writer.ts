import { GGMLQuantizationType, GGUFValueType } from '@huggingface/gguf';
import { writeFileSync } from 'node:fs';

export type MetadataItem =
  | readonly [key: string, type: 'UINT32' | 'FLOAT32', value: number]
  | readonly [key: string, type: 'BOOL', value: boolean]
  | readonly [key: string, type: 'UINT64', value: bigint]
  | readonly [key: string, type: 'STRING', value: string]
  | readonly [key: string, type: 'STRING[]', value: readonly string[]]
  | readonly [key: string, type: 'INT32[]', value: readonly number[]];

export interface TensorItem {
  readonly name: string;
  readonly type: keyof typeof GGMLQuantizationType;
  /** Row-major, as in PyTorch. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Writes a GGUF file, version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export function writeGguf(
  path: string,
  metadata: readonly MetadataItem[],
  tensors: readonly TensorItem[],
  options: { alignment?: number; cut?: number } = {},
): void {
  const alignment = options.alignment ?? 32;
  const padded = (n: number): number => Math.ceil(n / alignment) * alignment;
  const items: MetadataItem[] = [...metadata, ['general.alignment', 'UINT32', alignment]];
  const parts: Buffer[] = [
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(items.length),
    ...items.map(item),
  ];
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    parts.push(text(name), u32(shape.length), ...[...shape].reverse().map(u64));
    parts.push(u32(GGMLQuantizationType[type]), u64(offset));
    offset += padded(bytes.length);
  }
  const header = Buffer.concat(parts);
  const body = [header, Buffer.alloc(padded(header.length) - header.length)];
  for (const { bytes } of tensors) {
    body.push(Buffer.from(bytes), Buffer.alloc(padded(bytes.length) - bytes.length));
  }
  const file = Buffer.concat(body);
  writeFileSync(path, file.subarray(0, file.length - (options.cut ?? 0)));
}

const u32 = (n: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(n);
  return out;
};
const u64 = (n: number | bigint): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt(n));
  return out;
};
const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
};

function item(entry: MetadataItem): Buffer {
  const [key, type, value] = entry;
  const list = type.endsWith('[]');
  const element = GGUFValueType[(list ? type.slice(0, -2) : type) as keyof typeof GGUFValueType];
  const encoded = (v: unknown): Buffer => {
    switch (element) {
      case GGUFValueType.UINT32:
      case GGUFValueType.INT32:
        return u32(v as number);
      case GGUFValueType.UINT64:
        return u64(v as bigint);
      case GGUFValueType.BOOL:
        return Buffer.from([v === true ? 1 : 0]);
      case GGUFValueType.FLOAT32: {
        const out = Buffer.alloc(4);
        out.writeFloatLE(v as number);
        return out;
      }
      default:
        return text(v as string);
    }
  };
  const head = [text(key), u32(list ? GGUFValueType.ARRAY : element)];
  if (!list) return Buffer.concat([...head, encoded(value)]);
  const values = value as readonly unknown[];
  return Buffer.concat([...head, u32(element), u64(values.length), ...values.map(encoded)]);
}
