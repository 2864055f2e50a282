import { constantQuantiles, meanPinball } from '../../evaluation/statistics/index.js';
import { fitDesign, type HeadOptions } from '../regression/fit-design.js';
import { designIn, foldBasis, type Basis } from '../regression/basis.js';
import type { FeatureStore } from '../features/feature-store.js';
import { matrix, multiplyByTransposed, takeRows, type Matrix } from '../matrix/matrix.js';
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
  readonly folds: number;
  readonly signal?: AbortSignal;
  readonly progress: (fraction: number) => void;
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

/** Fits an attribute's heads on its training samples, each fit a stage of its own. */
export async function trainAttribute(
  name: string,
  samples: readonly LabelledSample[],
  context: HeadsContext,
): Promise<AttributeHeads> {
  const train = samples.filter((s) => !s.heldOut);
  const features = await featuresOf(
    context.store,
    train.map((s) => s.encoded),
    'reward',
  );
  const design = await designIn(features, context.basis, context.products);
  const grid = context.l1 === 'auto' ? L1_GRID : [context.l1];
  const total = grid.length * context.folds + 1;
  let done = 0;
  const fit = async (rows: readonly number[], l1: number, tolerance: number): Promise<Matrix> => {
    context.signal?.throwIfAborted();
    const options = { ...context.options, l1, tolerance };
    const x = takeRows(design, rows);
    const labels = rows.map((i) => train[i]!.labels);
    const inputs = [JSON.stringify(options), JSON.stringify(labels), x.data];
    const weights = await context.stages.get(`head-${name}`, inputs, () =>
      fitDesign(x, labels, { ...options, signal: context.signal }, context.products),
    );
    context.progress(++done / total);
    return foldBasis(weights, context.basis);
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
      const head = await fit(outside, l1, FOLD_TOLERANCE);
      folds.push(head);
      if (inside.length === 0) continue;
      const labels = inside.map((i) => train[i]!.labels);
      const count = labels.flat().length;
      const { levels } = context.options;
      const predicted = multiplyByTransposed(takeRows(features, inside), head);
      pinball += count * meanPinball(labels, predicted, levels);
      const constant = constantQuantiles(
        outside.map((i) => train[i]!.labels),
        levels,
      );
      baseline += count * meanPinball(labels, repeat(constant, inside.length), levels);
      weight += count;
    }
    const crossValidated = { pinball: pinball / weight, baseline: baseline / weight };
    if (!best || crossValidated.pinball < best.crossValidated.pinball) {
      best = { folds, l1, crossValidated };
    }
  }
  const head = await fit(
    train.map((_, i) => i),
    best!.l1,
    HEAD_TOLERANCE,
  );
  return { name, head, ...best! };
}

/** The same row n times. */
export function repeat(row: readonly number[], n: number): Matrix {
  const out = matrix(n, row.length);
  for (let i = 0; i < n; i++) out.data.set(row, i * row.length);
  return out;
}
