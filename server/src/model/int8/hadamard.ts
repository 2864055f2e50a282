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
    const signs = this.#signs;
    const v = new Float64Array(size);
    const out = this.#odd === 1 ? v : new Float64Array(size);
    const scale = 1 / Math.sqrt(this.#power);
    for (let at = 0; at < rows.length; at += size) {
      for (let i = 0; i < size; i++) v[i] = rows[at + i]! * signs[i]!;
      hadamard(v, this.#power);
      if (out !== v) mix(v, out, this.#dct, this.#odd);
      for (let i = 0; i < size; i++) rows[at + i] = out[i]! * scale;
    }
  }

  /** R as a row-major [size, size] matrix. */
  matrix(): Float32Array {
    const out = new Float32Array(this.size * this.size);
    for (let i = 0; i < this.size; i++) out[i * this.size + i] = 1;
    this.applyToRows(out);
    return out;
  }
}

/**
 * Walsh-Hadamard of each `power` entries in turn, unscaled. Three steps of it at a time, while there are three: the
 * sums are those of one step after the other, to the last bit.
 */
function hadamard(v: Float64Array, power: number): void {
  let half = 1;
  for (; half * 8 <= power; half *= 8) {
    for (let i = 0; i < v.length; i += half * 8) {
      for (let a = i; a < i + half; a++) {
        const b = a + half;
        const c = b + half;
        const d = c + half;
        const e = d + half;
        const f = e + half;
        const g = f + half;
        const h = g + half;
        const a1 = v[a]! + v[b]!;
        const b1 = v[a]! - v[b]!;
        const c1 = v[c]! + v[d]!;
        const d1 = v[c]! - v[d]!;
        const e1 = v[e]! + v[f]!;
        const f1 = v[e]! - v[f]!;
        const g1 = v[g]! + v[h]!;
        const h1 = v[g]! - v[h]!;
        const a2 = a1 + c1;
        const c2 = a1 - c1;
        const b2 = b1 + d1;
        const d2 = b1 - d1;
        const e2 = e1 + g1;
        const g2 = e1 - g1;
        const f2 = f1 + h1;
        const h2 = f1 - h1;
        v[a] = a2 + e2;
        v[e] = a2 - e2;
        v[b] = b2 + f2;
        v[f] = b2 - f2;
        v[c] = c2 + g2;
        v[g] = c2 - g2;
        v[d] = d2 + h2;
        v[h] = d2 - h2;
      }
    }
  }
  for (; half < power; half *= 2) {
    for (let i = 0; i < v.length; i += half * 2) {
      for (let j = i; j < i + half; j++) {
        const a = v[j]!;
        const b = v[j + half]!;
        v[j] = a + b;
        v[j + half] = a - b;
      }
    }
  }
}

/**
 * out = (C ⊗ I) v for a matrix C [m, m] and v of m equal runs: each entry's terms are added in their order, some of
 * them at a time.
 */
function mix(v: Float64Array, out: Float64Array, matrix: Float64Array, m: number): void {
  const p = v.length / m;
  for (let j = 0; j < p; j++) {
    for (let to = j; to < v.length; to += p) out[to] = 0;
    let n = 0;
    // Nine are SmolLM2's: 576 = 9 * 64.
    for (; n + 9 <= m; n += 9) {
      const from = n * p + j;
      const a = v[from]!;
      const b = v[from + p]!;
      const c = v[from + 2 * p]!;
      const d = v[from + 3 * p]!;
      const e = v[from + 4 * p]!;
      const f = v[from + 5 * p]!;
      const g = v[from + 6 * p]!;
      const h = v[from + 7 * p]!;
      const i = v[from + 8 * p]!;
      for (let k = 0, at = n; k < m; k++, at += m) {
        const first = out[k * p + j]! + matrix[at]! * a + matrix[at + 1]! * b + matrix[at + 2]! * c;
        const second = first + matrix[at + 3]! * d + matrix[at + 4]! * e + matrix[at + 5]! * f;
        out[k * p + j] = second + matrix[at + 6]! * g + matrix[at + 7]! * h + matrix[at + 8]! * i;
      }
    }
    for (; n < m; n++) {
      const a = v[n * p + j]!;
      for (let k = 0, at = n; k < m; k++, at += m) out[k * p + j]! += matrix[at]! * a;
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
