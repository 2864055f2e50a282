import { InferenceSession, Tensor } from '../../model/onnxruntime.js';
import { GraphBuilder } from '../../model/graph/builder.js';
import { inverse, matrix, type FloatMatrix, type Matrix } from './matrix.js';

type Data = Float64Array | Float32Array;
type Kind = 'multiply' | 'multiplyTransposed' | 'gram';

/**
 * The large products of training, X W and X^T Z, in ONNX Runtime's kernels (vector instructions, every
 * thread), where the loops of matrix.ts would take tens of times as long. In float64, or in float32
 * where X is: 60,000 x 4,096 numbers are 1 GB then.
 */
export class Products {
  private readonly sessions = new Map<string, Promise<InferenceSession>>();

  constructor(private readonly threads: number) {}

  /** a b: [n, p] x [p, q] -> [n, q]. */
  multiply(a: Matrix | FloatMatrix, b: Matrix): Promise<Matrix> {
    return this.run('multiply', a, b, a.rows, b.columns);
  }

  /** a^T b: [n, p] x [n, q] -> [p, q]. */
  multiplyTransposed(a: Matrix | FloatMatrix, b: Matrix): Promise<Matrix> {
    return this.run('multiplyTransposed', a, b, a.columns, b.columns);
  }

  /** a^T a + ridge I: [p, p], summed over blocks of rows in float64. */
  async gram(a: Matrix | FloatMatrix, ridge: number): Promise<Matrix> {
    const p = a.columns;
    const out = { rows: p, columns: p, data: new Float64Array(p * p) };
    // A float32 block's sum is short enough to lose little; the sum of the blocks is float64.
    const block = a.data instanceof Float32Array ? GRAM_ROWS : a.rows;
    for (let from = 0; from < a.rows; from += block) {
      const rows = Math.min(block, a.rows - from);
      const data = a.data.subarray(from * p, (from + rows) * p);
      const part = await this.call('gram', { rows, columns: p, data }, undefined, p, p);
      for (let i = 0; i < part.length; i++) out.data[i]! += part[i]!;
    }
    for (let i = 0; i < p; i++) out.data[i * p + i]! += ridge;
    return out;
  }

  /**
   * The inverse of a symmetric positive definite matrix, by halves (its Schur complement), so that nearly all of it is
   * products: 4,097 rows take seconds here and minutes in loops. For a matrix whose ridge is not far below its mean
   * eigenvalue, as quantile regression has it: each half loses digits by the condition.
   * @throws RangeError when a pivot is not positive
   */
  async inverse(a: Matrix): Promise<Matrix> {
    const n = a.rows;
    if (n <= SMALL_INVERSE) return inverse(a);
    const h = n >> 1;
    const r = n - h;
    const corner = await this.inverse(part(a, 0, 0, h, h));
    const side = part(a, 0, h, h, r);
    // A^-1 B; the Schur complement is C - B^T A^-1 B.
    const solved = await this.multiply(corner, side);
    const schur = part(a, h, h, r, r);
    const taken = await this.multiplyTransposed(side, solved);
    for (let i = 0; i < schur.data.length; i++) schur.data[i]! -= taken.data[i]!;
    for (let i = 0; i < r; i++) {
      for (let j = 0; j < i; j++) schur.data[i * r + j] = schur.data[j * r + i]!;
    }
    const last = await this.inverse(schur);
    const cross = await this.multiply(solved, last);
    const added = await this.multiply(cross, transposed(solved));
    for (let i = 0; i < corner.data.length; i++) corner.data[i]! += added.data[i]!;
    for (let i = 0; i < cross.data.length; i++) cross.data[i] = -cross.data[i]!;
    const out = matrix(n, n);
    putPart(out, corner, 0, 0);
    putPart(out, cross, 0, h);
    putPart(out, transposed(cross), h, 0);
    putPart(out, last, h, h);
    return out;
  }

  private async run(
    kind: Kind,
    a: Matrix | FloatMatrix,
    b: Matrix,
    rows: number,
    columns: number,
  ): Promise<Matrix> {
    const same = a.data instanceof Float32Array ? Float32Array.from(b.data) : b.data;
    const data = await this.call(kind, a, { ...b, data: same }, rows, columns);
    return { rows, columns, data: data instanceof Float64Array ? data : Float64Array.from(data) };
  }

  private async call(
    kind: Kind,
    a: { rows: number; columns: number; data: Data },
    b: { rows: number; columns: number; data: Data } | undefined,
    rows: number,
    columns: number,
  ): Promise<Data> {
    const type = a.data instanceof Float32Array ? 'float32' : 'float64';
    const key = `${kind} ${type}`;
    let session = this.sessions.get(key);
    if (!session) {
      session = InferenceSession.create(graphOf(kind, type), {
        executionProviders: ['cpu'],
        intraOpNumThreads: this.threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        extra: { session: { intra_op: { allow_spinning: '0' } } },
      });
      this.sessions.set(key, session);
    }
    const of = (m: { rows: number; columns: number; data: Data }): Tensor =>
      m.data instanceof Float32Array
        ? new Tensor('float32', m.data, [m.rows, m.columns])
        : new Tensor('float64', m.data, [m.rows, m.columns]);
    const feeds: Record<string, Tensor> = b ? { a: of(a), b: of(b) } : { a: of(a) };
    const { c } = await (await session).run(feeds);
    const data = (await c!.getData()) as Data;
    if (data.length !== rows * columns) throw new RangeError(`${kind}: ${data.length} numbers`);
    return data;
  }

  async release(): Promise<void> {
    for (const session of this.sessions.values()) await (await session).release();
    this.sessions.clear();
  }
}

const GRAM_ROWS = 4096;
/** Up to so many rows an inverse is made by the loops of matrix.ts. */
const SMALL_INVERSE = 192;

/** `rows` by `columns` numbers of a matrix, from a row and a column on. */
function part(
  m: Matrix,
  fromRow: number,
  fromColumn: number,
  rows: number,
  columns: number,
): Matrix {
  const out = matrix(rows, columns);
  for (let i = 0; i < rows; i++) {
    const at = (fromRow + i) * m.columns + fromColumn;
    out.data.set(m.data.subarray(at, at + columns), i * columns);
  }
  return out;
}

function transposed(m: Matrix): Matrix {
  const out = matrix(m.columns, m.rows);
  for (let i = 0; i < m.rows; i++) {
    for (let j = 0; j < m.columns; j++) out.data[j * m.rows + i] = m.data[i * m.columns + j]!;
  }
  return out;
}

function putPart(to: Matrix, m: Matrix, fromRow: number, fromColumn: number): void {
  for (let i = 0; i < m.rows; i++) {
    const row = m.data.subarray(i * m.columns, (i + 1) * m.columns);
    to.data.set(row, (fromRow + i) * to.columns + fromColumn);
  }
}

function graphOf(kind: Kind, type: 'float32' | 'float64'): Uint8Array {
  const g = new GraphBuilder();
  const a = g.input('a', type, ['n', 'p']);
  const b = kind === 'gram' ? a : g.input('b', type, ['m', 'q']);
  const c = g.op('Gemm', [a, b], kind === 'multiply' ? {} : { transA: 1 });
  g.output(c, 'c', type, ['r', 's']);
  return g.serialize(kind);
}
