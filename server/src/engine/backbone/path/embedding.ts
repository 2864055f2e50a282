import { open, type FileHandle } from 'node:fs/promises';
import { decodeBfloat16, decodeHalf } from '../../../model/checkpoint/half.js';
import type { ExternalTensor } from '../../../model/graph/builder.js';

/** Bytes of rows that are kept: the tokens that every chat has. */
const KEPT = 32 << 20;
/** Reads under way at once. */
const READS = 64;

/** Rows of a table of embeddings, read from its file as they are asked for: the table is never in memory. */
export class EmbeddingFile {
  readonly #rows = new Map<number, Float32Array>();
  readonly #most: number;

  private constructor(
    private readonly handle: FileHandle,
    private readonly tensor: ExternalTensor,
    private readonly scale: number,
  ) {
    this.#most = Math.max(1, Math.floor(KEPT / (4 * tensor.shape[1]!)));
  }

  /** @param scale factor of every value */
  static async open(path: string, tensor: ExternalTensor, scale: number): Promise<EmbeddingFile> {
    return new EmbeddingFile(await open(path, 'r'), tensor, scale);
  }

  /** [ids, columns] float32. @throws Error naming a token that the table does not have */
  async rows(ids: Int32Array): Promise<Float32Array> {
    const columns = this.tensor.shape[1]!;
    const missing = [...new Set(ids)].filter((id) => !this.#rows.has(id));
    const found = new Map<number, Float32Array>();
    for (let i = 0; i < missing.length; i += READS) {
      const some = missing.slice(i, i + READS);
      const rows = await Promise.all(some.map((id) => this.#read(id)));
      some.forEach((id, n) => found.set(id, rows[n]!));
    }
    const out = new Float32Array(ids.length * columns);
    ids.forEach((id, i) => out.set(found.get(id) ?? this.#rows.get(id)!, i * columns));
    for (const [id, row] of found) if (this.#rows.size < this.#most) this.#rows.set(id, row);
    return out;
  }

  async #read(id: number): Promise<Float32Array> {
    const { shape, dtype, offset } = this.tensor;
    const [count, columns] = shape as [number, number];
    if (!(id >= 0 && id < count)) throw new Error(`token ${id}: the model has ${count} embeddings`);
    const bytes = columns * (dtype === 'float32' ? 4 : 2);
    const buffer = new ArrayBuffer(bytes);
    const { bytesRead } = await this.handle.read(
      new Uint8Array(buffer),
      0,
      bytes,
      offset + id * bytes,
    );
    if (bytesRead !== bytes)
      throw new Error(`${this.tensor.file}: the file ends within token ${id}`);
    const row =
      dtype === 'float32'
        ? new Float32Array(buffer)
        : (dtype === 'float16' ? decodeHalf : decodeBfloat16)(new Uint16Array(buffer));
    if (this.scale !== 1) for (let i = 0; i < columns; i++) row[i]! *= this.scale;
    return row;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
