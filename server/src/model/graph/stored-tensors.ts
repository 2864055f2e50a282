import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DataType, ModelProto, type DataTypeName } from './onnx-schema.js';
import type { ExternalTensor } from './builder.js';

/** What protobufjs gives for the fields that are read here. */
interface StoredModel {
  graph?: {
    initializer?: readonly {
      name: string;
      dims?: readonly (number | { toNumber(): number })[];
      data_type: number;
      external_data?: readonly { key: string; value: string }[];
    }[];
  };
}

const NAMES = new Map<number, DataTypeName>(
  Object.entries(DataType).map(([name, code]) => [code, name as DataTypeName]),
);

/**
 * The tensors that an .onnx file keeps beside itself, by name; `file` is a whole path.
 * @throws Error naming the file, when it cannot be read as a model
 */
export async function storedTensors(path: string): Promise<Map<string, ExternalTensor>> {
  const bytes = await readFile(path);
  let model: StoredModel;
  try {
    model = ModelProto.decode(bytes) as unknown as StoredModel;
  } catch {
    throw new Error(`${path}: not an ONNX model`);
  }
  const out = new Map<string, ExternalTensor>();
  for (const { name, dims, data_type, external_data } of model.graph?.initializer ?? []) {
    const dtype = NAMES.get(data_type);
    if (!external_data?.length || !dtype) continue;
    const fields = new Map(external_data.map(({ key, value }) => [key, value]));
    out.set(name, {
      dtype,
      shape: (dims ?? []).map(Number),
      file: join(dirname(path), fields.get('location') ?? ''),
      offset: Number(fields.get('offset')),
      byteLength: Number(fields.get('length')),
    });
  }
  return out;
}
