import { open, type FileHandle } from 'node:fs/promises';
import type { DataTypeName } from './onnx-schema.js';
import type { ExternalTensor } from './builder.js';

/** The tensors of a converted weights file, by name. */
export type TensorIndex = Record<string, ExternalTensor>;

/** ORT maps external data by pages. */
const ALIGNMENT = 4096;

/** Appends tensors to one file at aligned offsets and remembers where each lies. */
export class TensorFileWriter {
  readonly index: TensorIndex = {};
  #position = 0;

  private constructor(
    private readonly handle: FileHandle,
    private readonly file: string,
  ) {}

  static async create(path: string, file: string): Promise<TensorFileWriter> {
    return new TensorFileWriter(await open(path, 'w'), file);
  }

  async add(
    name: string,
    dtype: DataTypeName,
    shape: readonly number[],
    data: ArrayBufferView,
  ): Promise<void> {
    const offset = Math.ceil(this.#position / ALIGNMENT) * ALIGNMENT;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // One write is at most 2 GiB, and an embedding table can be larger.
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, 1 << 28);
      done += (await this.handle.write(bytes, done, length, offset + done)).bytesWritten;
    }
    this.#position = offset + bytes.length;
    this.index[name] = { dtype, shape, file: this.file, offset, byteLength: bytes.length };
  }

  async close(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }
}
