/** Grows by whole chunks, so a million rows never need a second copy while an array doubles. */
const CHUNK = 1 << 14;

type Numbers = Float32Array | Float64Array | Uint32Array | Uint8Array | Int32Array;

/** A growable column of numbers of one width. Reading past the end gives NaN. */
export class Column {
  private readonly chunks: Numbers[] = [];
  constructor(private readonly make: new (n: number) => Numbers) {}

  get(i: number): number {
    return this.chunks[Math.floor(i / CHUNK)]?.[i % CHUNK] ?? Number.NaN;
  }

  set(i: number, value: number): void {
    this.chunk(Math.floor(i / CHUNK))[i % CHUNK] = value;
  }

  /** Items i to i + count become the numbers of `from` at `at`, `at` + `step` and so on, with `more` added to each. */
  take(i: number, count: number, from: Float64Array, at: number, step: number, more = 0): void {
    for (let done = 0; done < count;) {
      const chunk = this.chunk(Math.floor((i + done) / CHUNK));
      const first = (i + done) % CHUNK;
      const here = Math.min(count - done, CHUNK - first);
      for (let n = 0; n < here; n++) chunk[first + n] = from[at + (done + n) * step]! + more;
      done += here;
    }
  }

  private chunk(at: number): Numbers {
    while (this.chunks.length <= at) this.chunks.push(new this.make(CHUNK));
    return this.chunks[at]!;
  }
}
