import {
  constantQuantiles,
  labelWeights,
  meanPinball,
  totalWeight,
} from '../../evaluation/statistics/index.js';
import { fitDesign, type HeadOptions } from '../regression/fit-design.js';
import { designOfBlocks, foldBasis, type Basis } from '../regression/basis.js';
import type { FeatureStore } from '../features/feature-store.js';
import { matrix, takeRows, type FloatMatrix, type Matrix } from '../matrix/matrix.js';
import type { RowBlocks } from '../matrix/moments.js';
import type { Products } from '../matrix/products.js';
import type { Encoded } from '../features/extract.js';
import type { LabelledSample } from './sample.js';
import type { Stages } from './stages.js';

/** The heads of one attribute: of all training prompts, and of all folds but one. */
export interface AttributeHeads {
  readonly name: string;
  /** [K, hidden]. */
  readonly head: Matrix;
  /** Fold f's head saw no prompt of fold f: what the gate's training pairs are scored with. */
  readonly folds: readonly Matrix[];
  readonly l1: number;
  /** Mean pinball loss of the folds' heads on their own fold, and of the constant quantiles there. */
  readonly crossValidated: { readonly pinball: number; readonly baseline: number };
}

export interface HeadsContext {
  readonly store: FeatureStore;
  readonly stages: Stages;
  readonly products: Products;
  readonly options: HeadOptions;
  /** Of the reward features. */
  readonly basis: Basis;
  readonly l1: number | 'auto';
  /** Whether every response counts alike, and not every label. */
  readonly byResponse?: boolean;
  readonly folds: number;
  readonly signal?: AbortSignal;
  readonly progress: (fraction: number) => void;
  /** See `fitQuantiles`; of the fit under way. */
  readonly onGap?: (iteration: number, gap: number) => void;
}

/** How near to the optimum heads are fitted: those of folds only compare penalties. */
const HEAD_TOLERANCE = 1e-4;
const FOLD_TOLERANCE = 1e-3;
/** Factors of the L1 penalty that `auto` chooses from, by cross-validated pinball loss. */
const L1_GRID = [0.0003, 0.001, 0.003, 0.01, 0.03];

/** Reward or gating features of conversations, [n, hidden]. */
export async function featuresOf(
  store: FeatureStore,
  encoded: readonly Encoded[],
  part: 'reward' | 'gating',
): Promise<Matrix> {
  const out = matrix(encoded.length, store.identity.hiddenSize);
  await store.read(
    encoded.map((e) => e.key),
    part,
    out.data,
  );
  return out;
}

/** The same as the store has them, in half the memory. */
export async function floatsOf(
  store: FeatureStore,
  encoded: readonly Encoded[],
  part: 'reward' | 'gating',
): Promise<FloatMatrix> {
  const columns = store.identity.hiddenSize;
  const data = new Float32Array(encoded.length * columns);
  const keys = encoded.map((e) => e.key);
  await store.read(keys, part, data);
  return { rows: encoded.length, columns, data };
}

/** Rows of one block: 134 MB of 4,096 features. */
const BLOCK = 4096;

/** The same block by block, where all would not fit in memory. */
export const featureBlocks = (
  store: FeatureStore,
  encoded: readonly Encoded[],
  part: 'reward' | 'gating',
): RowBlocks => ({
  rows: encoded.length,
  columns: store.identity.hiddenSize,
  blocks: async function* () {
    for (let from = 0; from < encoded.length; from += BLOCK) {
      yield await featuresOf(store, encoded.slice(from, from + BLOCK), part);
    }
  },
});

/** Fits an attribute's heads on its training samples, each fit a stage of its own. */
export async function trainAttribute(
  name: string,
  samples: readonly LabelledSample[],
  context: HeadsContext,
): Promise<AttributeHeads> {
  const train = samples.filter((s) => !s.heldOut);
  const { basis, products } = context;
  const encoded = train.map((s) => s.encoded);
  const design = await designOfBlocks(
    featureBlocks(context.store, encoded, 'reward'),
    basis,
    products,
  );
  const { byResponse = false } = context;
  const grid = context.l1 === 'auto' ? L1_GRID : [context.l1];
  const total = grid.length * context.folds + 1;
  let done = 0;
  const fit = async (rows: readonly number[], l1: number, tolerance: number): Promise<Matrix> => {
    context.signal?.throwIfAborted();
    const labels = rows.map((i) => train[i]!.labels);
    const weights = labelWeights(labels, byResponse);
    const options = { ...context.options, l1, tolerance, ...(weights && { weights }) };
    // All rows: not copied, a large design is a gigabyte.
    const x = rows.length === design.rows ? design : takeRows(design, rows);
    const inputs = [JSON.stringify(options), JSON.stringify(labels), x.data];
    const fitted = await context.stages.get(`head-${name}`, inputs, () =>
      fitDesign(x, labels, { ...options, signal: context.signal, onGap: context.onGap }, products),
    );
    context.progress(++done / total);
    return fitted;
  };
  let best: Omit<AttributeHeads, 'name' | 'head'> | undefined;
  for (const l1 of grid) {
    const folds: Matrix[] = [];
    let pinball = 0;
    let baseline = 0;
    let weight = 0;
    for (let f = 0; f < context.folds; f++) {
      const inside: number[] = [];
      const outside: number[] = [];
      train.forEach((s, i) => (s.fold === f ? inside : outside).push(i));
      const weights = await fit(outside, l1, FOLD_TOLERANCE);
      folds.push(foldBasis(weights, basis));
      if (inside.length === 0) continue;
      const labels = inside.map((i) => train[i]!.labels);
      const counts = labelWeights(labels, byResponse);
      const count = totalWeight(labels, counts);
      const { levels } = context.options;
      const predicted = await products.multiply(takeRows(design, inside), weights);
      pinball += count * meanPinball(labels, predicted, levels, counts);
      const others = outside.map((i) => train[i]!.labels);
      const constant = constantQuantiles(others, levels, labelWeights(others, byResponse));
      const flat = repeat(constant, inside.length);
      baseline += count * meanPinball(labels, flat, levels, counts);
      weight += count;
    }
    const crossValidated = { pinball: pinball / weight, baseline: baseline / weight };
    if (!best || crossValidated.pinball < best.crossValidated.pinball) {
      best = { folds, l1, crossValidated };
    }
  }
  const all = train.map((_, i) => i);
  const head = foldBasis(await fit(all, best!.l1, HEAD_TOLERANCE), basis);
  return { name, head, ...best! };
}

/** The same row n times. */
export function repeat(row: readonly number[], n: number): Matrix {
  const out = matrix(n, row.length);
  for (let i = 0; i < n; i++) out.data.set(row, i * row.length);
  return out;
}
