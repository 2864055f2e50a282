import { open } from 'node:fs/promises';

/** A tensor to write; `data` yields its bytes when its turn comes, so that one is in memory at a time. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: 'F32' | 'U8';
  readonly shape: readonly number[];
  readonly byteLength: number;
  readonly data: () => ArrayBufferView | Promise<ArrayBufferView>;
}

/** A float32 tensor in memory. */
export function float32Tensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
): TensorToWrite {
  return { name, dtype: 'F32', shape, byteLength: values.byteLength, data: () => values };
}

/** Bytes of the file's header for these tensors, length prefix included. */
function safetensorsHeader(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, dtype, shape, byteLength }) => {
    const from = at;
    at += byteLength;
    return [name, { dtype, shape, data_offsets: [from, at] }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Padded with spaces to 8 bytes, as the format's own writer does, so that float32 data is aligned.
  const text = Buffer.from(json.padEnd(json.length + ((8 - (Buffer.byteLength(json) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text]);
}

/** Writes one safetensors file: https://github.com/huggingface/safetensors#format */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const handle = await open(path, 'w');
  try {
    await handle.writeFile(safetensorsHeader(tensors, metadata));
    for (const { name, byteLength, data } of tensors) {
      const { buffer, byteOffset, byteLength: length } = await data();
      if (length !== byteLength) {
        throw new Error(`tensor "${name}" has ${length} bytes, expected ${byteLength}`);
      }
      await handle.writeFile(new Uint8Array(buffer, byteOffset, length));
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
