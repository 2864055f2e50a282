import { GGMLQuantizationType } from '@huggingface/gguf';
import { open, rename } from 'node:fs/promises';
import { byteLength, dequantize } from '../../../server/src/model/checkpoint/gguf/blocks.js';
import { readGgufHeader } from '../../../server/src/model/checkpoint/gguf/metadata.js';
import { encodeHalf } from '../../../server/src/model/checkpoint/half.js';

export type BlockForm = 'Q8_0' | 'Q4_0';
const BLOCK = 32;
const ALIGNMENT = 32;

/** Rows in blocks of 32 values as llama.cpp's own quantizer makes them (`quantize_row_q8_0_ref`, `quantize_row_q4_0_ref`). */
export function quantizeBlocks(x: Float32Array, form: BlockForm): Uint8Array {
  const out = new Uint8Array(byteLength(form, x.length));
  const view = new DataView(out.buffer);
  const size = out.length / (x.length / BLOCK);
  for (let block = 0; block < x.length / BLOCK; block++) {
    const values = x.subarray(block * BLOCK, (block + 1) * BLOCK);
    const largest = values.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a), 0);
    const scale = Math.fround(form === 'Q8_0' ? Math.abs(largest) / 127 : largest / -8);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    const at = block * size;
    view.setUint16(at, encodeHalf(Float32Array.of(scale))[0]!, true);
    if (form === 'Q8_0') {
      for (let i = 0; i < BLOCK; i++) view.setInt8(at + 2 + i, away(values[i]! * inverse));
    } else {
      const code = (i: number): number => Math.min(15, Math.trunc(values[i]! * inverse + 8.5));
      for (let i = 0; i < 16; i++) view.setUint8(at + 2 + i, code(i) | (code(i + 16) << 4));
    }
  }
  return out;
}

/** To the nearest, halves away from zero: C's roundf. */
const away = (v: number): number => Math.sign(v) * Math.round(Math.abs(v));

/** The GGUF file with its Q4_1 matrices in another form; all else (embedding, norms, tokenizer) stays, byte by byte. */
export async function requantize(from: string, to: string, form: BlockForm): Promise<void> {
  const { tensors } = await readGgufHeader(from);
  const source = await open(from);
  const target = await open(`${to}.draft`, 'w');
  try {
    const header = Buffer.alloc(Math.min(...tensors.map((t) => t.offset)));
    await source.read(header, 0, header.length, 0);
    let at = 0;
    for (const { name, type, shape, offset } of tensors) {
      const count = shape.reduce((a, b) => a * b, 1);
      const bytes = Buffer.alloc(byteLength(type, count));
      await source.read(bytes, 0, bytes.length, offset);
      const changed = type === 'Q4_1';
      const data = changed ? quantizeBlocks(dequantize(type, bytes, count), form) : bytes;
      // An entry of the list: length and name, count and sizes of dimensions, type, place.
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(name.length));
      const entry = header.lastIndexOf(Buffer.concat([length, Buffer.from(name)]));
      const end = entry + 8 + name.length + 4 + 8 * shape.length;
      if (changed) header.writeUInt32LE(GGMLQuantizationType[form], end);
      header.writeBigUInt64LE(BigInt(at), end + 4);
      await target.write(data, 0, data.length, header.length + at);
      at += Math.ceil(data.length / ALIGNMENT) * ALIGNMENT;
    }
    await target.truncate(header.length + at);
    await target.write(header, 0, header.length, 0);
  } finally {
    await source.close();
    await target.close();
  }
  await rename(`${to}.draft`, to);
}
