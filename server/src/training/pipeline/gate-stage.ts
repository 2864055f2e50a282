import { means } from '../../evaluation/statistics/index.js';
import type { FeatureStore } from '../features/feature-store.js';
import {
  multiplyByTransposed,
  matrix,
  takeRows,
  type FloatMatrix,
  type Matrix,
} from '../matrix/matrix.js';
import type { AttributeHeads } from './heads.js';
import { featureBlocks, floatsOf } from './heads.js';
import type { Plan, SamplePair } from './sample.js';

/** Pairs with what a gate is trained on and judged by; row i of each matrix is pair i. */
export interface ScoredPairs {
  readonly pairs: readonly SamplePair[];
  /** Gating features [n, hidden], in float32 as the store has them. */
  readonly chosen: FloatMatrix;
  readonly rejected: FloatMatrix;
  /** Expectations [n, M], before the verbosity adjustment. */
  readonly chosenRewards: Matrix;
  readonly rejectedRewards: Matrix;
}

/**
 * Scores pairs with heads that did not see their prompts: training pairs with those of the other folds,
 * held-out ones with the final heads. A gate trained on rewards that its heads were fitted on would trust
 * the attribute that remembers best.
 */
export async function scorePairs(
  store: FeatureStore,
  pairs: readonly SamplePair[],
  heads: readonly AttributeHeads[],
): Promise<ScoredPairs> {
  const side = async (which: 'chosen' | 'rejected'): Promise<[FloatMatrix, Matrix]> => {
    const encoded = pairs.map((p) => p[which]);
    const rewards = matrix(pairs.length, heads.length);
    const parts = new Map<number, number[]>();
    pairs.forEach((p, i) => {
      const part = p.heldOut ? -1 : p.fold;
      const rows = parts.get(part);
      if (rows) rows.push(i);
      else parts.set(part, [i]);
    });
    for (const [part, rows] of parts) {
      const of = rows.map((i) => encoded[i]!);
      let from = 0;
      for await (const x of featureBlocks(store, of, 'reward').blocks()) {
        heads.forEach(({ head, folds }, m) => {
          means(multiplyByTransposed(x, part < 0 ? head : folds[part]!)).forEach((e, at) => {
            rewards.data[rows[from + at]! * heads.length + m] = e;
          });
        });
        from += x.rows;
      }
    }
    return [await floatsOf(store, encoded, 'gating'), rewards];
  };
  const [chosen, chosenRewards] = await side('chosen');
  const [rejected, rejectedRewards] = await side('rejected');
  return { pairs, chosen, rejected, chosenRewards, rejectedRewards };
}

/** The same with gating features in a basis, as a gate is trained on them. */
export type DesignedPairs = Omit<ScoredPairs, 'chosen' | 'rejected'> & {
  readonly chosen: Matrix;
  readonly rejected: Matrix;
};

/** Rows of scored pairs. */
export function takePairs(scored: DesignedPairs, rows: readonly number[]): DesignedPairs {
  return {
    pairs: rows.map((i) => scored.pairs[i]!),
    chosen: takeRows(scored.chosen, rows),
    rejected: takeRows(scored.rejected, rows),
    chosenRewards: takeRows(scored.chosenRewards, rows),
    rejectedRewards: takeRows(scored.rejectedRewards, rows),
  };
}

/** Rewards after the verbosity adjustment: adjusted_n = sum_m raw_m T[m, n]. */
export function adjustRewards(rewards: Matrix, transform: Float32Array | undefined): Matrix {
  if (!transform) return rewards;
  const { rows, columns: M, data } = rewards;
  const out = matrix(rows, M);
  for (let i = 0; i < rows; i++) {
    for (let m = 0; m < M; m++) {
      for (let n = 0; n < M; n++) {
        out.data[i * M + n]! += data[i * M + m]! * transform[m * M + n]!;
      }
    }
  }
  return out;
}

/** Of each pair, which attributes should rank it, else which its own source made: 1 there, [n, M]; rows without any are 0. */
export function ownAttributes(
  pairs: readonly SamplePair[],
  names: readonly string[],
  plan: Plan,
): Matrix {
  const out = matrix(pairs.length, names.length);
  pairs.forEach(({ source }, i) => {
    for (const name of plan.routes.get(source) ?? plan.attributesOf.get(source) ?? []) {
      const m = names.indexOf(name);
      if (m >= 0) out.data[i * names.length + m] = 1;
    }
  });
  return out;
}
