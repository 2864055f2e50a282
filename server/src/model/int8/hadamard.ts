/**
 * An orthogonal rotation of the residual stream that spreads outlier channels over all channels, so
 * that one int8 scale a token suffices (QuaRot, Ashkboos et al. 2024, section 3). R = S (C ⊗ H): random
 * signs S, the orthonormal DCT-II C of the odd part of the size, Walsh-Hadamard H of the power of two.
 * Applying it costs n log n instead of n².
 */
export class Rotation {
  readonly #signs: Float64Array;
  readonly #dct: Float64Array;
  readonly #odd: number;
  readonly #power: number;

  constructor(readonly size: number) {
    let power = 1;
    while (size % (power * 2) === 0) power *= 2;
    this.#power = power;
    this.#odd = size / power;
    this.#signs = new Float64Array(size);
    let state = 0x9e3779b9;
    for (let i = 0; i < size; i++) {
      // xorshift32: the same signs on every machine, since they are part of the converted weights.
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      this.#signs[i] = state & 1 ? 1 : -1;
    }
    const m = this.#odd;
    this.#dct = new Float64Array(m * m);
    for (let k = 0; k < m; k++) {
      const norm = Math.sqrt((k === 0 ? 1 : 2) / m);
      for (let n = 0; n < m; n++)
        this.#dct[k * m + n] = norm * Math.cos((Math.PI * (n + 0.5) * k) / m);
    }
  }

  /** Replaces each row v of `rows` (length a multiple of size) by v R, in place. */
  applyToRows(rows: Float32Array): void {
    const { size } = this;
    const v = new Float64Array(size);
    const mixed = new Float64Array(this.#odd);
    const scale = 1 / Math.sqrt(this.#power);
    for (let at = 0; at < rows.length; at += size) {
      for (let i = 0; i < size; i++) v[i] = rows[at + i]! * this.#signs[i]!;
      this.#transform(v, mixed);
      for (let i = 0; i < size; i++) rows[at + i] = v[i]! * scale;
    }
  }

  /** R as a row-major [size, size] matrix. */
  matrix(): Float32Array {
    const out = new Float32Array(this.size * this.size);
    for (let i = 0; i < this.size; i++) out[i * this.size + i] = 1;
    this.applyToRows(out);
    return out;
  }

  #transform(v: Float64Array, mixed: Float64Array): void {
    const p = this.#power;
    const m = this.#odd;
    for (let block = 0; block < v.length; block += p) {
      for (let half = 1; half < p; half *= 2) {
        for (let i = block; i < block + p; i += half * 2) {
          for (let j = i; j < i + half; j++) {
            const a = v[j]!;
            const b = v[j + half]!;
            v[j] = a + b;
            v[j + half] = a - b;
          }
        }
      }
    }
    if (m === 1) return;
    for (let j = 0; j < p; j++) {
      for (let k = 0; k < m; k++) {
        let sum = 0;
        for (let n = 0; n < m; n++) sum += this.#dct[k * m + n]! * v[n * p + j]!;
        mixed[k] = sum;
      }
      for (let k = 0; k < m; k++) v[k * p + j] = mixed[k]!;
    }
  }
}

/** Rows and columns of a block that stays in the cache on both sides. */
const BLOCK = 32;

/** Transposes a row-major [rows, columns] matrix. */
export function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(matrix.length);
  for (let r0 = 0; r0 < rows; r0 += BLOCK) {
    const r1 = Math.min(rows, r0 + BLOCK);
    for (let c0 = 0; c0 < columns; c0 += BLOCK) {
      const c1 = Math.min(columns, c0 + BLOCK);
      for (let r = r0; r < r1; r++)
        for (let c = c0; c < c1; c++) out[c * rows + r] = matrix[r * columns + c]!;
    }
  }
  return out;
}
