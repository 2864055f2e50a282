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
    const at = Math.floor(i / CHUNK);
    while (this.chunks.length <= at) this.chunks.push(new this.make(CHUNK));
    (this.chunks[at] as Numbers)[i % CHUNK] = value;
  }
}
