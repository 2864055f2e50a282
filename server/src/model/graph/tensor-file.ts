import { open, type FileHandle } from 'node:fs/promises';
import type { DataTypeName } from './onnx-schema.js';
import type { ExternalTensor } from './builder.js';

/** The tensors of a converted weights file, by name. */
export type TensorIndex = Record<string, ExternalTensor>;

/** ORT maps external data by pages. */
const ALIGNMENT = 4096;

/** How much of a file is written, and what. */
export interface Written {
  readonly position: number;
  readonly index: TensorIndex;
}

/** Appends tensors to one file at aligned offsets and remembers where each lies. */
export class TensorFileWriter {
  readonly index: TensorIndex;
  #position: number;

  private constructor(
    private readonly handle: FileHandle,
    private readonly file: string,
    { position, index }: Written,
  ) {
    this.#position = position;
    this.index = index;
  }

  /** @param from what an earlier writer of this file had written: what comes after it is overwritten */
  static async create(path: string, file: string, from?: Written): Promise<TensorFileWriter> {
    const handle = await open(path, from === undefined ? 'w' : 'r+');
    await handle.truncate(from?.position ?? 0);
    return new TensorFileWriter(handle, file, from ?? { position: 0, index: {} });
  }

  async add(
    name: string,
    dtype: DataTypeName,
    shape: readonly number[],
    data: ArrayBufferView,
  ): Promise<void> {
    await this.addParts(name, dtype, shape, [data]);
  }

  /** A tensor that comes part by part, in order. */
  async addParts(
    name: string,
    dtype: DataTypeName,
    shape: readonly number[],
    parts: Iterable<ArrayBufferView> | AsyncIterable<ArrayBufferView>,
  ): Promise<void> {
    const offset = Math.ceil(this.#position / ALIGNMENT) * ALIGNMENT;
    let end = offset;
    for await (const data of parts) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      // One write is at most 2 GiB, and an embedding table can be larger.
      for (let done = 0; done < bytes.length;) {
        const length = Math.min(bytes.length - done, 1 << 28);
        done += (await this.handle.write(bytes, done, length, end + done)).bytesWritten;
      }
      end += bytes.length;
    }
    this.#position = end;
    this.index[name] = { dtype, shape, file: this.file, offset, byteLength: end - offset };
  }

  /** What is on the disk when the promise is there, whatever happens then. */
  async written(): Promise<Written> {
    await this.handle.datasync();
    return { position: this.#position, index: this.index };
  }

  async close(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }
}
