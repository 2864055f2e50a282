/** Bytes of a stream, taken as many at a time as a format says. */
export class ByteInput {
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  private readonly iterator: AsyncIterator<Uint8Array>;
  /** Bytes taken. */
  position = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.iterator = source[Symbol.asyncIterator]();
  }

  /** What is at hand of the stream, at least one byte and at most `max`; undefined at its end. */
  async some(max: number): Promise<Uint8Array | undefined> {
    while (this.at >= this.chunk.length) {
      const next = await this.iterator.next();
      if (next.done === true) return undefined;
      this.chunk = next.value;
      this.at = 0;
    }
    const part = this.chunk.subarray(this.at, this.at + max);
    this.at += part.length;
    this.position += part.length;
    return part;
  }

  /** The next `count` bytes, or as many as there are. */
  async take(count: number): Promise<Uint8Array> {
    const first = (await this.some(count)) ?? new Uint8Array(0);
    if (first.length === count) return first;
    const all = new Uint8Array(count);
    all.set(first);
    let length = first.length;
    while (length < count) {
      const part = await this.some(count - length);
      if (part === undefined) break;
      all.set(part, length);
      length += part.length;
    }
    return all.subarray(0, length);
  }

  /** As `take`, and throws when the stream ends before. */
  async need(count: number): Promise<Uint8Array> {
    const bytes = await this.take(count);
    if (bytes.length < count) throw new Error('the file ends inside its compressed data');
    return bytes;
  }

  /** Gives bytes back that were taken last and not used. */
  back(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.position -= bytes.length;
    const rest = this.chunk.subarray(this.at);
    const joined = new Uint8Array(bytes.length + rest.length);
    joined.set(bytes);
    joined.set(rest, bytes.length);
    this.chunk = joined;
    this.at = 0;
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}
