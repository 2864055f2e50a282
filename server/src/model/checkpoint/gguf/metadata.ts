import { GGMLQuantizationType, gguf } from '@huggingface/gguf';
import { stat } from 'node:fs/promises';
import { messageOf } from '../../../errors.js';
import { blockType, SUPPORTED_TYPES } from './blocks.js';
import { checkGgufHeader } from './check.js';

/** A tensor as a GGUF file lists it. */
export interface GgufTensor {
  readonly name: string;
  /** ggml's name of the type: `F32`, `Q4_1`, … */
  readonly type: string;
  /** Row-major as in PyTorch (a GGUF lists the fastest dimension first). */
  readonly shape: readonly number[];
  readonly file: string;
  readonly offset: number;
}

/** Metadata values by key, with errors that name file and key. */
export class GgufMetadata {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    readonly file: string,
  ) {}

  get(key: string): unknown {
    return this.values[key];
  }

  string(key: string): string | undefined {
    const value = this.values[key];
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw this.error(key, 'a text');
    return value;
  }

  /** Integers of 64 bits come as bigint, floats with the error of float32. */
  number(key: string): number | undefined {
    const value = this.values[key];
    if (value === undefined) return undefined;
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) throw this.error(key, 'a number');
    return Number.isInteger(number) ? number : Number(number.toPrecision(7));
  }

  list<T extends 'string' | 'number'>(
    key: string,
    of: T,
  ): (T extends 'string' ? string : number)[] {
    const value = this.values[key];
    if (!Array.isArray(value) || !value.every((v) => typeof v === of)) {
      throw this.error(key, `a list of ${of}s`);
    }
    return value as (T extends 'string' ? string : number)[];
  }

  error(key: string, expected: string): Error {
    const found = key in this.values ? 'is something else' : 'is missing';
    return new Error(`${this.file}: "${key}" ${found}; expected ${expected}`);
  }
}

/**
 * Metadata and tensor list of one GGUF file.
 * @throws Error naming the file (and the tensor) where it is damaged or of an unknown type
 */
export async function readGgufHeader(
  path: string,
): Promise<{ metadata: GgufMetadata; tensors: GgufTensor[] }> {
  const { size } = await stat(path);
  const fail = (why: string): Error => new Error(`${path}: no readable GGUF file: ${why}`);
  await checkGgufHeader(path, size).catch((error: unknown) => {
    throw fail(messageOf(error));
  });
  const parsed = await gguf(path, { allowLocalFile: true }).catch((error: unknown) => {
    throw fail(messageOf(error));
  });
  if (!parsed.littleEndian) throw fail('it is big-endian');
  const start = Number(parsed.tensorDataOffset);
  // The library reads zeros where a file is cut off.
  if (start > size) throw fail(`it ends at byte ${size}, inside its header of ${start} bytes`);
  const tensors = parsed.tensorInfos.map((info): GgufTensor => {
    const type = GGMLQuantizationType[info.dtype] ?? `number ${info.dtype as number}`;
    const layout = blockType(type);
    if (layout === undefined) {
      throw new Error(
        `${path}: tensor "${info.name}" has type ${type}; supported: ${SUPPORTED_TYPES.join(', ')}`,
      );
    }
    const shape = info.shape.map(Number).reverse();
    const columns = shape.at(-1) ?? 1;
    if (columns % layout.elements !== 0) {
      throw fail(`tensor "${info.name}" of type ${type} has rows of ${columns} values`);
    }
    const bytes = (shape.reduce((a, b) => a * b, 1) / layout.elements) * layout.bytes;
    const offset = start + Number(info.offset);
    if (offset + bytes > size) {
      throw fail(
        `tensor "${info.name}" ends at byte ${offset + bytes}, beyond the file's end at ${size}`,
      );
    }
    return { name: info.name, type, shape, file: path, offset };
  });
  return { metadata: new GgufMetadata(parsed.metadata as Record<string, unknown>, path), tensors };
}
