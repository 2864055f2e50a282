import { applyHeads } from '../model/heads/heads-math.js';
import type { GatingLayer } from '../model/heads/heads.js';
import { means } from './evaluate.js';
import type { Features } from './features.js';
import { groupedFolds, splitFold } from './folds.js';
import { trainGate, type GateOptions, type GatePairs } from './gate.js';
import { designOf, foldWeights, standardise } from './intercept.js';
import { matrix, multiplyByTransposed, takeRows, type Matrix } from './matrix.js';

/** Preference pairs with the expectations that the frozen heads give them. */
export interface PairSamples {
  /** Raw gating features, [pairs, hidden]. */
  readonly chosen: Matrix;
  readonly rejected: Matrix;
  readonly chosenRewards: Matrix;
  readonly rejectedRewards: Matrix;
  readonly groups: readonly string[];
}

/**
 * @param features of the pairs: row 2i is chosen, row 2i+1 rejected
 * @param heads of each attribute, [K, hidden]
 */
export function pairSamples(
  features: Features,
  heads: readonly Matrix[],
  groups: readonly string[],
): PairSamples {
  const n = groups.length;
  const even = Array.from({ length: n }, (_, i) => 2 * i);
  const odd = even.map((i) => i + 1);
  const rewards = matrix(2 * n, heads.length);
  heads.forEach((head, m) => {
    means(multiplyByTransposed(features.reward, head)).forEach((e, i) => {
      rewards.data[i * heads.length + m] = e;
    });
  });
  return {
    chosen: takeRows(features.gating, even),
    rejected: takeRows(features.gating, odd),
    chosenRewards: takeRows(rewards, even),
    rejectedRewards: takeRows(rewards, odd),
    groups,
  };
}

function select(pairs: PairSamples, rows: readonly number[]): PairSamples {
  return {
    chosen: takeRows(pairs.chosen, rows),
    rejected: takeRows(pairs.rejected, rows),
    chosenRewards: takeRows(pairs.chosenRewards, rows),
    rejectedRewards: takeRows(pairs.rejectedRewards, rows),
    groups: rows.map((i) => pairs.groups[i]!),
  };
}

/**
 * Trains the gate on standardised features, so that weight decay and initial weights treat them alike,
 * and folds the standardisation into its first layer.
 */
export function fitGate(pairs: PairSamples, options: GateOptions): GatingLayer[] {
  const standardisation = standardise(pairs.chosen);
  const data: GatePairs = {
    ...pairs,
    chosen: designOf(pairs.chosen, standardisation),
    rejected: designOf(pairs.rejected, standardisation),
  };
  const [first, ...rest] = trainGate(data, options);
  const transposed = matrix(first!.inputs, first!.outputs);
  for (let o = 0; o < first!.outputs; o++) {
    for (let i = 0; i < first!.inputs; i++) {
      transposed.data[i * first!.outputs + o] = first!.weight[o * first!.inputs + i]!;
    }
  }
  const weight = foldWeights(transposed, standardisation);
  return [{ ...first!, inputs: weight.columns, weight: Float32Array.from(weight.data) }, ...rest];
}

/** Gate weights in evaluation mode, [n, M], by the product's own reading of the layers. */
export function gateWeights(
  layers: readonly GatingLayer[],
  temperature: number,
  features: Matrix,
): Matrix {
  const M = layers.at(-1)!.outputs;
  const { gate } = applyHeads(
    {
      spec: { attributes: Array.from({ length: M }, String), levels: [0.5] },
      hiddenSize: features.columns,
      regression: new Float32Array(M * features.columns),
      gating: layers,
      temperature,
      logitScale: Float32Array.of(1),
    },
    features.data,
    features.data,
  );
  return matrix(features.rows, M, gate);
}

/** Score of each response of the pairs: sum_m g_m E_m. */
export function pairScores(
  pairs: PairSamples,
  weights: { chosen: Matrix; rejected: Matrix },
): { chosen: number[]; rejected: number[] } {
  const dot = (a: Matrix, b: Matrix): number[] =>
    Array.from({ length: a.rows }, (_, i) => {
      let sum = 0;
      for (let m = i * a.columns; m < (i + 1) * a.columns; m++) sum += a.data[m]! * b.data[m]!;
      return sum;
    });
  return {
    chosen: dot(weights.chosen, pairs.chosenRewards),
    rejected: dot(weights.rejected, pairs.rejectedRewards),
  };
}

/** Share of pairs whose chosen response has the higher score; equal scores count one half. */
export function accuracy(scores: { chosen: number[]; rejected: number[] }): number {
  let right = 0;
  scores.chosen.forEach((c, i) => {
    const r = scores.rejected[i]!;
    right += c > r ? 1 : c === r ? 0.5 : 0;
  });
  return right / scores.chosen.length;
}

export interface GateFigures {
  readonly pairs: number;
  readonly trainPairs: number;
  readonly heldOutPairs: number;
  /** The shipped gate on the part of the pairs that it was not trained on. */
  readonly heldOut: number;
  /** Every pair by a gate whose fold does not hold it. */
  readonly crossFitted: number;
  /** Equal fixed weights in place of the gate, on all pairs; the heads never saw any of them. */
  readonly equalWeights: number;
  /** One attribute alone, on all pairs. */
  readonly attributes: readonly number[];
}

export interface GateResult {
  readonly layers: readonly GatingLayer[];
  readonly figures: GateFigures;
  /** Indices of the pairs that the shipped gate was not trained on. */
  readonly heldOut: readonly number[];
}

/**
 * The shipped gate, trained on all folds but one, and its figures.
 * @param folds how many parts; the first is the held-out one
 */
export function trainAndJudgeGate(
  pairs: PairSamples,
  folds: number,
  options: GateOptions,
): GateResult {
  const M = pairs.chosenRewards.columns;
  const assigned = groupedFolds(pairs.groups, folds, options.seed);
  let shipped: GatingLayer[] = [];
  let heldOut: number[] = [];
  let heldOutAccuracy = 0;
  let crossFitted = 0;
  for (let fold = 0; fold < folds; fold++) {
    const { train, test } = splitFold(assigned, fold);
    const layers = fitGate(select(pairs, train), options);
    const judged = select(pairs, test);
    const right = accuracy(
      pairScores(judged, {
        chosen: gateWeights(layers, options.temperature, judged.chosen),
        rejected: gateWeights(layers, options.temperature, judged.rejected),
      }),
    );
    crossFitted += (right * test.length) / pairs.groups.length;
    if (fold === 0) {
      shipped = layers;
      heldOut = test;
      heldOutAccuracy = right;
    }
  }
  const fixed = (weights: readonly number[]): number => {
    const all = matrix(pairs.groups.length, M);
    for (let i = 0; i < all.data.length; i++) all.data[i] = weights[i % M]!;
    return accuracy(pairScores(pairs, { chosen: all, rejected: all }));
  };
  const unit = (m: number): number[] => Array.from({ length: M }, (_, i) => (i === m ? 1 : 0));
  return {
    layers: shipped,
    heldOut,
    figures: {
      pairs: pairs.groups.length,
      trainPairs: pairs.groups.length - heldOut.length,
      heldOutPairs: heldOut.length,
      heldOut: heldOutAccuracy,
      crossFitted,
      equalWeights: fixed(new Array<number>(M).fill(1 / M)),
      attributes: Array.from({ length: M }, (_, m) => fixed(unit(m))),
    },
  };
}
