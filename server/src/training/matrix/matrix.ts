/**
 * The dense kernels of training, in float64 over row-major arrays. The right-hand sides are narrow
 * (K quantile levels, or a gate's channels), so every inner loop runs along contiguous memory.
 */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major [rows, columns]. */
  readonly data: Float64Array;
}

/** The same in float32, half the size: features as the store holds them. */
export interface FloatMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float32Array;
}

export function matrix(rows: number, columns: number, data?: ArrayLike<number>): Matrix {
  if (data !== undefined && data.length !== rows * columns) {
    throw new RangeError(`matrix of [${rows}, ${columns}] from ${data.length} numbers`);
  }
  return {
    rows,
    columns,
    data: data === undefined ? new Float64Array(rows * columns) : Float64Array.from(data),
  };
}

/** The rows of `m` at `indices`, in their order. */
export function takeRows<M extends Matrix | FloatMatrix>(m: M, indices: ArrayLike<number>): M {
  const { columns } = m;
  const size = indices.length * columns;
  const data = m.data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * columns;
    data.set(m.data.subarray(from, from + columns), i * columns);
  }
  return { rows: indices.length, columns, data } as unknown as M;
}

function checkInner(what: string, a: number, b: number): void {
  if (a !== b) throw new RangeError(`${what}: inner sizes ${a} and ${b} differ`);
}

/** a b: [n, p] x [p, q] -> [n, q]. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  checkInner('multiply', a.columns, b.rows);
  const { rows: n, columns: p } = a;
  const q = b.columns;
  const out = matrix(n, q);
  for (let i = 0; i < n; i++) {
    addCombination(out.data, i * q, q, b.data, 0, p, a.data, i * p, 1);
  }
  return out;
}

/** a^T b: [n, p] x [n, q] -> [p, q]. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  checkInner('multiplyTransposed', a.rows, b.rows);
  const { rows: n, columns: p } = a;
  const q = b.columns;
  const out = matrix(p, q);
  // Blocks of rows that stay in the cache while every column of `a` passes over them.
  for (let from = 0; from < n; from += BLOCK) {
    const count = Math.min(BLOCK, n - from);
    for (let j = 0; j < p; j++) {
      addCombination(out.data, j * q, q, b.data, from * q, count, a.data, from * p + j, p);
    }
  }
  return out;
}

const BLOCK = 32;

/**
 * to[at..at+q) += sum_r factors[f + r stride] rows[start + r q ..), r = 0..count-1; four rows at a time,
 * since each pass over `to` costs as much as the arithmetic.
 */
function addCombination(
  to: Float64Array,
  at: number,
  q: number,
  rows: Float64Array,
  start: number,
  count: number,
  factors: Float64Array,
  f: number,
  stride: number,
): void {
  let r = 0;
  for (; r + 4 <= count; r += 4) {
    const x0 = factors[f + r * stride]!;
    const x1 = factors[f + (r + 1) * stride]!;
    const x2 = factors[f + (r + 2) * stride]!;
    const x3 = factors[f + (r + 3) * stride]!;
    const s = start + r * q;
    for (let k = 0; k < q; k++) {
      to[at + k]! +=
        x0 * rows[s + k]! +
        x1 * rows[s + q + k]! +
        x2 * rows[s + 2 * q + k]! +
        x3 * rows[s + 3 * q + k]!;
    }
  }
  for (; r < count; r++) {
    const x = factors[f + r * stride]!;
    const s = start + r * q;
    for (let k = 0; k < q; k++) to[at + k]! += x * rows[s + k]!;
  }
}

/** a b^T: [n, p] x [m, p] -> [n, m]. */
export function multiplyByTransposed(a: Matrix, b: Matrix): Matrix {
  checkInner('multiplyByTransposed', a.columns, b.columns);
  const p = a.columns;
  const out = matrix(a.rows, b.rows);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < p; k++) sum += a.data[i * p + k]! * b.data[j * p + k]!;
      out.data[i * b.rows + j] = sum;
    }
  }
  return out;
}

/**
 * The lower triangle L of a symmetric positive definite matrix, L L^T = a.
 * @throws RangeError when a pivot is not positive
 */
export function cholesky(a: Matrix): Matrix {
  const n = a.rows;
  const L = matrix(n, n, a.data);
  const d = L.data;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = d[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= d[i * n + k]! * d[j * n + k]!;
      if (i !== j) d[i * n + j] = sum / d[j * n + j]!;
      else if (sum > 0) d[i * n + i] = Math.sqrt(sum);
      else throw new RangeError(`cholesky: pivot ${i} is ${sum}, expected a positive number`);
    }
    d.fill(0, i * n + i + 1, (i + 1) * n);
  }
  return L;
}

/** Solves L L^T x = b for all columns of b [n, q], in place. */
export function solveCholesky(L: Matrix, b: Matrix): void {
  const n = L.rows;
  const q = b.columns;
  const x = b.data;
  const negative = L.data.map((l) => -l);
  const scale = (row: number, factor: number): void => {
    for (let k = row * q; k < (row + 1) * q; k++) x[k]! *= factor;
  };
  for (let i = 0; i < n; i++) {
    addCombination(x, i * q, q, x, 0, i, negative, i * n, 1);
    scale(i, 1 / L.data[i * n + i]!);
  }
  for (let i = n - 1; i >= 0; i--) {
    const below = (i + 1) * n + i;
    addCombination(x, i * q, q, x, (i + 1) * q, n - 1 - i, negative, below, n);
    scale(i, 1 / L.data[i * n + i]!);
  }
}

/**
 * The inverse of a symmetric positive definite matrix.
 * @throws RangeError when a pivot is not positive
 */
export function inverse(a: Matrix): Matrix {
  const n = a.rows;
  const out = matrix(n, n);
  for (let i = 0; i < n; i++) out.data[i * n + i] = 1;
  solveCholesky(cholesky(a), out);
  return out;
}
