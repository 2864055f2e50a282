import type { Matrix } from './matrix.js';
import type { Products } from './products.js';

/** Rows that come block by block, since not all of them need fit in memory. */
export interface RowBlocks {
  readonly rows: number;
  readonly columns: number;
  /** All rows in their order, read anew each time. */
  readonly blocks: () => AsyncIterable<Matrix> | Iterable<Matrix>;
}

/** A matrix in memory as the one block that it is. */
export const oneBlock = (m: Matrix): RowBlocks => ({ ...m, blocks: () => [m] });

/** What standardisation and principal components need of features. */
export interface Moments {
  readonly rows: number;
  /** Of each column, its mean. */
  readonly mean: Float64Array;
  /** X^T X / n, [columns, columns]. */
  readonly gram: Matrix;
}

/** The moments of rows, which are read once. */
export async function momentsOf(x: RowBlocks, products: Products): Promise<Moments> {
  const p = x.columns;
  const mean = new Float64Array(p);
  const gram = { rows: p, columns: p, data: new Float64Array(p * p) };
  for await (const block of x.blocks()) {
    const { data } = block;
    for (let at = 0; at < data.length; at += p) {
      for (let j = 0; j < p; j++) mean[j]! += data[at + j]! / x.rows;
    }
    const part = await products.gram(block, 0);
    for (let i = 0; i < part.data.length; i++) gram.data[i]! += part.data[i]! / x.rows;
  }
  return { rows: x.rows, mean, gram };
}
