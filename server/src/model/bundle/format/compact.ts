import { join } from 'node:path';
import { checkFile, type Manifest } from './manifest.js';
import type { ModelConfig } from '../../checkpoint/config.js';
import { messageOf } from '../../../errors.js';
import { byteLength as bytesOf, dequantize } from '../../checkpoint/gguf/blocks.js';
import { writeSafetensors, type TensorToWrite } from '../../checkpoint/safetensors-write.js';
import {
  Safetensors,
  type StoredBlocks,
  type TensorInfo,
  type TensorSource,
} from '../../checkpoint/safetensors.js';

/** Hosts of git repositories refuse files above 50 MB. */
const MAX_FILE = 45e6;
const WEIGHTS = /^weights-\d{5}-of-\d{5}\.safetensors$/;

/** A GGUF backbone (gguf.ts): Hugging Face's names and order of rows, the file's own blocks. */
export interface GgufModel {
  readonly config: ModelConfig;
  readonly source: TensorSource & {
    /** The stored blocks. */
    readRaw(name: string): Promise<Uint8Array>;
  };
}

/**
 * Writes the first `layers` layers of a GGUF backbone with its quantised blocks as they are, so that
 * nothing is lost and nothing grows: safetensors of type U8 [rows, bytes of a row], whose metadata
 * names the ggml type and the true shape. Rows of q and k stand in Hugging Face's order, which is
 * exact: blocks never cross rows. Float32 tensors (the norms) stay F32.
 * @returns the names of the files, each of at most 45 MB unless one tensor alone is larger
 */
export async function writeCompact(
  { config, source }: GgufModel,
  folder: string,
  options: { layers?: number } = {},
): Promise<string[]> {
  const layers = options.layers ?? config.layers;
  const groups: TensorToWrite[][] = [[]];
  const metadata: Record<string, string> = {};
  let size = 0;
  for (const name of source.names()) {
    const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
    if (!name.startsWith('model.') || Number(layer ?? 0) >= layers) continue;
    const { dtype, shape, byteLength } = source.info(name);
    // The ending `*` marks rows that readRaw puts in order.
    const type = dtype.replace('*', '');
    const float = type === 'F32';
    if (!float) metadata[name] = `${type} ${shape.join(',')}`;
    if (size > 0 && size + byteLength > MAX_FILE) {
      groups.push([]);
      size = 0;
    }
    size += byteLength;
    groups.at(-1)!.push({
      name,
      dtype: float ? 'F32' : 'U8',
      shape: float ? shape : [shape[0]!, byteLength / shape[0]!],
      byteLength,
      data: () => (float ? source.readFloat32(name) : source.readRaw(name)),
    });
  }
  const five = (n: number): string => String(n).padStart(5, '0');
  const files = groups.map(
    (_, i) => `weights-${five(i + 1)}-of-${five(groups.length)}.safetensors`,
  );
  for (const [i, tensors] of groups.entries()) {
    const types = tensors.flatMap(({ name }) => {
      const type = metadata[name];
      return type === undefined ? [] : [[name, type]];
    });
    await writeSafetensors(join(folder, files[i]!), tensors, Object.fromEntries(types));
  }
  return files;
}

/**
 * The tensors of a compact bundle as float32. The weight files are compared with bundle.json's hashes
 * before the first is read.
 * @throws Error naming file and tensor, and what was expected
 */
export async function openCompact(folder: string, manifest: Manifest): Promise<TensorSource> {
  const names = Object.keys(manifest.files).filter((name) => WEIGHTS.test(name));
  const paths = names.map((name) => join(folder, name));
  const files = await Safetensors.openFiles(paths, folder);
  let checked: Promise<unknown> | undefined;
  const check = (): Promise<unknown> =>
    (checked ??= Promise.all(names.map((name) => checkFile(folder, manifest, name))));
  const info = (name: string): TensorInfo => {
    const stored = files.info(name);
    if (stored.dtype !== 'U8') return stored;
    const [, dtype, dims] = /^(\w+) ([\d,]+)$/.exec(files.metadata[name] ?? '') ?? [];
    if (dtype === undefined || dims === undefined) {
      throw new Error(`${stored.file}: the metadata names no ggml type of tensor "${name}"`);
    }
    return { ...stored, dtype, shape: dims.split(',').map(Number) };
  };
  const readBlocks = async (name: string, from?: number, to?: number): Promise<StoredBlocks> => {
    await check();
    const { dtype, shape, byteLength, file } = info(name);
    const [rows = 1, ...columns] = shape;
    const [first, last] = [from ?? 0, to ?? rows];
    const count = (last - first) * columns.reduce((a, b) => a * b, 1);
    const bytes = await files.readRaw(
      name,
      (first * byteLength) / rows,
      (last * byteLength) / rows,
    );
    let expected: number;
    try {
      expected = bytesOf(dtype, count);
    } catch (error) {
      throw new Error(`${file}: tensor "${name}": ${messageOf(error)}`);
    }
    if (bytes.byteLength !== expected) {
      throw new Error(
        `${file}: tensor "${name}" has ${bytes.byteLength} bytes for ${count} values of ${dtype}, expected ${expected}`,
      );
    }
    return { type: dtype, count, bytes };
  };
  const expand = ({ type, count, bytes }: StoredBlocks): Float32Array =>
    dequantize(type, bytes, count);
  return {
    names: () => files.names(),
    has: (name) => files.has(name),
    info,
    readBlocks,
    readFloat32: async (name) => expand(await readBlocks(name)),
    readRows: async (name, from, to) => expand(await readBlocks(name, from, to)),
    close: () => files.close(),
  };
}
