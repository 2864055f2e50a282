import { seeded } from '../../evaluation/statistics/index.js';
import {
  designOf,
  foldWeights,
  standardise,
  standardisedGram,
  type Standardisation,
} from '../matrix/intercept.js';
import { matrix, multiply, type FloatMatrix, type Matrix } from '../matrix/matrix.js';
import { momentsOf, type RowBlocks } from '../matrix/moments.js';
import type { Products } from '../matrix/products.js';

/**
 * Coordinates that heads and gate are fitted in: standardised features, and of these, where `rotation` is
 * given, the leading principal components, each at its natural size. A few hundred labels cannot tell 600
 * directions apart; the ones in which texts differ most carry most of what can be learnt, and L1 costs the
 * others more. Fits stay linear in the features and fold into the published layout.
 */
export interface Basis {
  readonly standardisation: Standardisation;
  /** [hidden, components]. */
  readonly rotation?: Matrix;
}

/**
 * The basis of features, which need no labels.
 * @param features read once, block by block
 * @param components how many; 0 for all features as they are
 * @param scale standard deviation of a feature, or of the first component
 */
export async function makeBasis(
  features: RowBlocks,
  components: number,
  scale: number,
  products: Products,
): Promise<Basis> {
  const moments = await momentsOf(features, products);
  if (components === 0 || components >= Math.min(features.columns, features.rows)) {
    return { standardisation: standardise(moments, scale) };
  }
  const standardisation = standardise(moments);
  const gram = standardisedGram(moments, standardisation);
  const { vectors, values } = await leadingEigenvectors(gram, components, products);
  const factor = scale / Math.sqrt(values[0]!);
  for (let i = 0; i < vectors.data.length; i++) vectors.data[i]! *= factor;
  return { standardisation, rotation: vectors };
}

function withoutIntercept(design: Matrix): Matrix {
  const { rows, columns } = design;
  const out = matrix(rows, columns - 1);
  for (let i = 0; i < rows; i++) {
    const row = design.data.subarray(i * columns + 1, (i + 1) * columns);
    out.data.set(row, i * (columns - 1));
  }
  return out;
}

/** The design of raw features in the basis, [n, 1 + components]; column 0 is the intercept. */
export async function designIn(
  features: Matrix | FloatMatrix,
  { standardisation, rotation }: Basis,
  products: Products,
): Promise<Matrix> {
  const design = designOf(features, standardisation);
  if (!rotation) return design;
  const rotated = await products.multiply(withoutIntercept(design), rotation);
  const d = rotation.columns;
  const out = matrix(features.rows, 1 + d);
  for (let i = 0; i < features.rows; i++) {
    out.data[i * (1 + d)] = design.data[i * design.columns]!;
    out.data.set(rotated.data.subarray(i * d, (i + 1) * d), i * (1 + d) + 1);
  }
  return out;
}

/** Numbers of a design beyond which it is kept in float32: half a gigabyte in float64. */
const LARGE = 64e6;

/** The design of rows that are read block by block; a large one in float32, see `Products`. */
export async function designOfBlocks(
  features: RowBlocks,
  basis: Basis,
  products: Products,
): Promise<Matrix | FloatMatrix> {
  const { rows } = features;
  const columns = 1 + (basis.rotation?.columns ?? features.columns);
  const size = rows * columns;
  const data = size > LARGE ? new Float32Array(size) : new Float64Array(size);
  let at = 0;
  for await (const block of features.blocks()) {
    const part = await designIn(block, basis, products);
    data.set(part.data, at);
    at += part.data.length;
  }
  return { rows, columns, data } as Matrix | FloatMatrix;
}

/** Weights in the basis, [1 + components, K], as weights of the raw features, [K, hidden]. */
export function foldBasis(weights: Matrix, { standardisation, rotation }: Basis): Matrix {
  if (!rotation) return foldWeights(weights, standardisation);
  const K = weights.columns;
  const inner = matrix(rotation.columns, K, weights.data.subarray(K));
  const columns = multiply(rotation, inner);
  const all = matrix(1 + rotation.rows, K);
  all.data.set(weights.data.subarray(0, K));
  all.data.set(columns.data, K);
  return foldWeights(all, standardisation);
}

const ITERATIONS = 60;
/** Columns beyond those wanted, that the last wanted ones converge sooner. */
const OVERSAMPLED = 8;

/**
 * The leading eigenvectors of a symmetric matrix with positive eigenvalues, by orthogonal iteration (Golub
 * & Van Loan, section 8.2), from a seeded start: deterministic.
 * @returns vectors [p, count], and their eigenvalues, the largest first
 */
async function leadingEigenvectors(
  a: Matrix,
  count: number,
  products: Products,
): Promise<{ vectors: Matrix; values: number[] }> {
  const p = a.rows;
  const q = Math.min(p, count + OVERSAMPLED);
  const random = seeded(1);
  let v = matrix(p, q);
  for (let i = 0; i < v.data.length; i++) v.data[i] = random() - 0.5;
  orthonormalise(v);
  let values: number[] = [];
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const next = await products.multiply(a, v);
    values = columnProducts(v, next);
    v = next;
    orthonormalise(v);
  }
  const order = values.map((_, k) => k).sort((i, j) => values[j]! - values[i]!);
  const vectors = matrix(p, count);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < p; i++) vectors.data[i * count + k] = v.data[i * q + order[k]!]!;
  }
  return { vectors, values: order.slice(0, count).map((k) => values[k]!) };
}

function columnProducts(a: Matrix, b: Matrix): number[] {
  const out = new Array<number>(a.columns).fill(0);
  for (let i = 0; i < a.data.length; i++) out[i % a.columns]! += a.data[i]! * b.data[i]!;
  return out;
}

/** Gram-Schmidt on the columns, in place, twice over for precision. */
function orthonormalise(m: Matrix): void {
  const { rows, columns: q, data } = m;
  for (let k = 0; k < q; k++) {
    for (let pass = 0; pass < 2; pass++) {
      const along = new Float64Array(k);
      for (let i = 0; i < rows; i++) {
        const x = data[i * q + k]!;
        for (let j = 0; j < k; j++) along[j]! += x * data[i * q + j]!;
      }
      for (let i = 0; i < rows; i++) {
        let x = data[i * q + k]!;
        for (let j = 0; j < k; j++) x -= along[j]! * data[i * q + j]!;
        data[i * q + k] = x;
      }
    }
    let norm = 0;
    for (let i = 0; i < rows; i++) norm += data[i * q + k]! ** 2;
    const factor = norm > 0 ? 1 / Math.sqrt(norm) : 0;
    for (let i = 0; i < rows; i++) data[i * q + k]! *= factor;
  }
}
