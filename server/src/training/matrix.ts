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
export function takeRows(m: Matrix, indices: ArrayLike<number>): Matrix {
  const out = matrix(indices.length, m.columns);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i]! * m.columns;
    out.data.set(m.data.subarray(from, from + m.columns), i * m.columns);
  }
  return out;
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
    const to = out.data.subarray(i * q, (i + 1) * q);
    for (let j = 0; j < p; j++) addScaled(to, b.data, j * q, a.data[i * p + j]!);
  }
  return out;
}

/** a^T b: [n, p] x [n, q] -> [p, q]. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  checkInner('multiplyTransposed', a.rows, b.rows);
  const { rows: n, columns: p } = a;
  const q = b.columns;
  const out = matrix(p, q);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < p; j++) {
      const x = a.data[i * p + j]!;
      if (x !== 0) addScaled(out.data, b.data, i * q, x, j * q, q);
    }
  }
  return out;
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

function addScaled(
  to: Float64Array,
  from: Float64Array,
  start: number,
  factor: number,
  at = 0,
  length = to.length,
): void {
  for (let k = 0; k < length; k++) to[at + k]! += factor * from[start + k]!;
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
  const scale = (row: number, factor: number): void => {
    for (let k = row * q; k < (row + 1) * q; k++) x[k]! *= factor;
  };
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) addScaled(x, x, j * q, -L.data[i * n + j]!, i * q, q);
    scale(i, 1 / L.data[i * n + i]!);
  }
  // Backwards by rows of L, so that memory is read in order: once x_i is known, it leaves the others.
  for (let i = n - 1; i >= 0; i--) {
    scale(i, 1 / L.data[i * n + i]!);
    for (let j = 0; j < i; j++) addScaled(x, x, i * q, -L.data[i * n + j]!, j * q, q);
  }
}

/** a^T a / divisor + ridge * I. */
export function gram(a: Matrix, divisor = 1, ridge = 0): Matrix {
  const p = a.columns;
  const out = matrix(p, p);
  for (let r = 0; r < a.rows; r++) {
    const row = r * p;
    for (let i = 0; i < p; i++) {
      const x = a.data[row + i]! / divisor;
      const to = i * p;
      for (let j = 0; j <= i; j++) out.data[to + j]! += x * a.data[row + j]!;
    }
  }
  for (let i = 0; i < p; i++) {
    for (let j = 0; j < i; j++) out.data[j * p + i] = out.data[i * p + j]!;
    out.data[i * p + i]! += ridge;
  }
  return out;
}
