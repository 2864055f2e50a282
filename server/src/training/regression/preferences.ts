import { applyHeads } from '../../model/heads/heads-math.js';
import type { GatingLayer } from '../../model/heads/heads.js';
import {
  trainGate,
  type GateOptions,
  type GatePairs,
  type GateTraining,
  type GateWatch,
} from '../gating/gate.js';
import { foldBasis, type Basis } from './basis.js';
import { matrix, type FloatMatrix, type Matrix } from '../matrix/matrix.js';

/**
 * Trains the gate in a basis, so that weight decay and initial weights treat its columns alike, and folds
 * the basis into the first layer.
 * @param pairs with `chosen` and `rejected` in the basis (basis.ts), [n, 1 + components]
 * @param validation pairs for early stopping, in the basis too
 * @returns layers on raw features
 */
export function fitGate(
  pairs: GatePairs,
  basis: Basis,
  options: GateOptions,
  validation?: GatePairs,
  watch: Omit<GateWatch, 'validate'> = {},
): GateTraining {
  const { layers, ...training } = trainGate(pairs, options, {
    ...watch,
    validate:
      validation && ((trained, beta) => judge(trained, options.temperature, validation, beta)),
  });
  const [first, ...rest] = layers;
  const transposed = matrix(first!.inputs, first!.outputs);
  for (let o = 0; o < first!.outputs; o++) {
    for (let i = 0; i < first!.inputs; i++) {
      transposed.data[i * first!.outputs + o] = first!.weight[o * first!.inputs + i]!;
    }
  }
  const weight = foldBasis(transposed, basis);
  const folded = { ...first!, inputs: weight.columns, weight: Float32Array.from(weight.data) };
  return { ...training, layers: [folded, ...rest] };
}

/** Bradley-Terry loss and accuracy of a gate in evaluation mode. */
function judge(
  layers: readonly GatingLayer[],
  temperature: number,
  pairs: GatePairs,
  beta: number,
): { loss: number; accuracy: number } {
  const scores = pairScores(pairs, {
    chosen: gateWeights(layers, temperature, pairs.chosen),
    rejected: gateWeights(layers, temperature, pairs.rejected),
  });
  const losses = scores.chosen.map((c, i) => {
    const x = -beta * (c - scores.rejected[i]!);
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  });
  return {
    loss: losses.reduce((a, b) => a + b, 0) / losses.length,
    accuracy: accuracy(scores),
  };
}

/** Gate weights in evaluation mode, [n, M], by the product's own reading of the layers. */
export function gateWeights(
  layers: readonly GatingLayer[],
  temperature: number,
  features: Matrix | FloatMatrix,
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
  pairs: Pick<GatePairs, 'chosenRewards' | 'rejectedRewards'>,
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
