import { existsSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../../errors.js';
import { isFields, own } from '../../fields.js';
import { decodeBfloat16, decodeHalf } from './half.js';

/** Names, shapes and values of a model's tensors, whatever file they come from. */
export interface TensorSource {
  names(): string[];
  has(name: string): boolean;
  /** @throws Error naming the file and the tensor when it is missing */
  info(name: string): TensorInfo;
  /** The tensor as float32, row-major. @throws Error naming file, tensor and the supported types */
  readFloat32(name: string): Promise<Float32Array>;
  /** Rows `from` to `to` of a matrix, where a part can be read alone; `rowReader` does for all. */
  readRows?(name: string, from: number, to: number): Promise<Float32Array>;
  /** Rows `from` to `to` as stored, by default all, for who expands them elsewhere. */
  readBlocks?(name: string, from?: number, to?: number): Promise<StoredBlocks>;
  close(): Promise<void>;
}

/** Values as a file holds them: what `dequantize` (gguf/blocks.ts) makes float32 of. */
export interface StoredBlocks {
  /** `F32`, `BF16`, `Q4_1`, … */
  readonly type: string;
  /** Values. */
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Rows of a matrix as float32: of the file where that is possible, so that a large table is never whole in memory. */
export function rowReader(
  source: TensorSource,
  name: string,
): (from: number, to: number) => Promise<Float32Array> {
  if (source.readRows) return (from, to) => source.readRows!(name, from, to);
  const columns = source.info(name).shape[1]!;
  let whole: Promise<Float32Array> | undefined;
  return async (from, to) =>
    (await (whole ??= source.readFloat32(name))).slice(from * columns, to * columns);
}

export interface TensorInfo {
  /** As the file names it: `F32`, `BF16`, `Q4_1`, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Where the raw bytes lie. */
  readonly file: string;
  readonly offset: number;
  readonly byteLength: number;
}

const BYTES: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, U8: 1, I8: 1 };
/** A header longer than this is damage: the format's own limit (safetensors README). */
const MAX_HEADER = 100_000_000;

/** A read of part of a file; short reads are errors. */
export async function readRange(
  handle: FileHandle,
  offset: number,
  length: number,
  what: string,
): Promise<Buffer> {
  const out = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    // One read is at most 2 GiB on Linux.
    const n = Math.min(length - done, 1 << 28);
    const { bytesRead } = await handle.read(out, done, n, offset + done);
    if (bytesRead === 0) {
      throw new Error(
        `${what}: the file ends at byte ${offset + done}, expected ${offset + length}`,
      );
    }
    done += bytesRead;
  }
  return out;
}

const isSizes = (v: unknown): v is number[] =>
  Array.isArray(v) && v.every((n) => Number.isSafeInteger(n) && (n as number) >= 0);

/** Names of two tensors that claim the same bytes, which the format does not allow. */
function overlapping(tensors: ReadonlyMap<string, TensorInfo>): [string, string] | [] {
  const sorted = [...tensors]
    .filter(([, t]) => t.byteLength > 0)
    .sort(([, a], [, b]) => a.offset - b.offset);
  for (const [i, [name, { offset }]] of sorted.entries()) {
    const [before, last] = sorted[i - 1] ?? [];
    if (last && last.offset + last.byteLength > offset) return [before!, name];
  }
  return [];
}

/** The header of one safetensors file: https://github.com/huggingface/safetensors#format */
async function readSafetensorsHeader(
  path: string,
): Promise<{ tensors: Map<string, TensorInfo>; metadata: Record<string, string> }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const fail = (why: string): Error => new Error(`${path}: no readable safetensors file: ${why}`);
    if (size < 8) throw fail(`it has ${size} bytes`);
    const length = Number((await readRange(handle, 0, 8, path)).readBigUInt64LE());
    if (length > MAX_HEADER || 8 + length > size) throw fail(`its header claims ${length} bytes`);
    let json: unknown;
    try {
      json = JSON.parse((await readRange(handle, 8, length, path)).toString('utf8'));
    } catch (error) {
      throw fail(`its header is not JSON (${messageOf(error)})`);
    }
    if (!isFields(json)) throw fail('its header is no JSON object');
    const { __metadata__: metadata = {}, ...rest } = json;
    if (!isFields(metadata)) throw fail('"__metadata__" is no JSON object');
    const tensors = new Map<string, TensorInfo>();
    for (const [name, entry] of Object.entries(rest)) {
      const { dtype, shape, data_offsets: place } = isFields(entry) ? entry : {};
      const wrong = (expected: string): Error => fail(`tensor "${name}" needs ${expected}`);
      if (typeof dtype !== 'string') throw wrong('a "dtype", a text');
      if (!isSizes(shape)) throw wrong('a "shape", a list of whole numbers');
      if (!isSizes(place) || place.length !== 2 || place[0]! > place[1]!) {
        throw wrong('"data_offsets", two whole numbers in order');
      }
      const [from, to] = place as [number, number];
      const byteLength = to - from;
      const bytesEach = own(BYTES, dtype);
      const expected = shape.reduce((a, b) => a * b, 1) * (bytesEach ?? NaN);
      if (bytesEach !== undefined && byteLength !== expected) {
        throw fail(`tensor "${name}" has ${byteLength} bytes, expected ${expected}`);
      }
      if (8 + length + to > size) throw fail(`tensor "${name}" lies beyond the end of the file`);
      tensors.set(name, { dtype, shape, file: path, offset: 8 + length + from, byteLength });
    }
    const [one, other] = overlapping(tensors);
    if (one !== undefined) throw fail(`tensors "${one}" and "${other}" share bytes`);
    const texts = Object.entries(metadata).map(([key, value]) => [key, String(value)] as const);
    return { tensors, metadata: Object.fromEntries(texts) };
  } finally {
    await handle.close();
  }
}

/** One file, or shards with an index; each tensor is read alone, never a whole file. */
export class Safetensors implements TensorSource {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  private constructor(
    private readonly tensors: ReadonlyMap<string, TensorInfo>,
    private readonly where: string,
    readonly metadata: Readonly<Record<string, string>>,
  ) {}

  /** Opens the named files as one model. */
  static async openFiles(paths: readonly string[], where = paths.join(', ')): Promise<Safetensors> {
    const all = new Map<string, TensorInfo>();
    const metadata: Record<string, string> = {};
    for (const path of paths) {
      const header = await readSafetensorsHeader(path);
      for (const [name, info] of header.tensors) all.set(name, info);
      Object.assign(metadata, header.metadata);
    }
    return new Safetensors(all, where, metadata);
  }

  /**
   * Opens `model.safetensors` or `model.safetensors.index.json` and its shards.
   * @throws Error naming the file and what was expected
   */
  static async openFolder(folder: string): Promise<Safetensors> {
    const index = join(folder, 'model.safetensors.index.json');
    const single = join(folder, 'model.safetensors');
    if (!existsSync(index)) {
      if (!existsSync(single)) {
        throw new Error(`${folder}: no model.safetensors and no model.safetensors.index.json`);
      }
      return Safetensors.openFiles([single]);
    }
    let map: Record<string, string>;
    try {
      const json: unknown = JSON.parse(await readFile(index, 'utf8'));
      const found = isFields(json) ? json['weight_map'] : undefined;
      if (!isFields(found)) throw new Error('none');
      for (const [tensor, shard] of Object.entries(found)) {
        // A name with a separator could point outside the folder.
        if (typeof shard !== 'string' || shard === '' || /[/\\\0]|^\.+$/.test(shard)) {
          throw new Error(`tensor "${tensor}" is in ${JSON.stringify(shard)}, no file's name`);
        }
      }
      map = found as Record<string, string>;
    } catch (error) {
      throw new Error(`${index}: expected JSON with an object "weight_map" (${messageOf(error)})`);
    }
    const shards = [...new Set(Object.values(map))].sort();
    for (const shard of shards) {
      const path = join(dirname(index), shard);
      if (!existsSync(path)) throw new Error(`${index} names ${shard}, which is missing`);
    }
    const opened = await Safetensors.openFiles(
      shards.map((s) => join(dirname(index), s)),
      index,
    );
    const lost = Object.keys(map).find((name) => !opened.has(name));
    if (lost !== undefined) throw new Error(`${index}: tensor "${lost}" is not in ${map[lost]}`);
    return opened;
  }

  names(): string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info === undefined) throw new Error(`${this.where}: no tensor "${name}"`);
    return info;
  }

  /** The tensor's bytes as stored. */
  async readRaw(name: string, from = 0, to = this.info(name).byteLength): Promise<Buffer> {
    const { file, offset } = this.info(name);
    let handle = this.#handles.get(file);
    if (handle === undefined) this.#handles.set(file, (handle = open(file, 'r')));
    return readRange(await handle, offset + from, to - from, `${file}, tensor "${name}"`);
  }

  async readFloat32(name: string): Promise<Float32Array> {
    return this.#values(name, await this.readRaw(name));
  }

  async readRows(name: string, from: number, to: number): Promise<Float32Array> {
    const { shape, byteLength } = this.info(name);
    const row = byteLength / shape[0]!;
    return this.#values(name, await this.readRaw(name, from * row, to * row));
  }

  #values(name: string, raw: Buffer): Float32Array {
    const { dtype, file } = this.info(name);
    if (dtype === 'F32') return new Float32Array(raw.buffer, raw.byteOffset, raw.byteLength / 4);
    if (dtype !== 'F16' && dtype !== 'BF16') {
      throw new Error(`${file}: tensor "${name}" has type ${dtype}; supported: F32, F16, BF16`);
    }
    const half = new Uint16Array(raw.buffer, raw.byteOffset, raw.byteLength / 2);
    return dtype === 'F16' ? decodeHalf(half) : decodeBfloat16(half);
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await (await handle).close();
    this.#handles.clear();
  }
}
