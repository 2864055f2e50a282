import { applyHeads } from '../model/heads/heads-math.js';
import type { QrmHeads } from '../model/heads/heads.js';
import type { Features } from './features.js';
import { pearson } from './evaluate.js';
import { accuracy } from './preferences.js';

/** How int8 scores of the pairs' responses differ from the float32 ones. */
export interface PrecisionFigures {
  readonly responses: number;
  readonly correlation: number;
  /** Mean and largest |difference| of the score, in the reward's unit. */
  readonly meanDifference: number;
  readonly largestDifference: number;
  /** Standard deviation of the float32 scores, to judge the differences by. */
  readonly deviation: number;
  /** Share of pairs that both precisions put in the same order. */
  readonly sameOrder: number;
  /** Pair accuracy on the gate's held-out pairs. */
  readonly heldOutFloat32: number;
  readonly heldOutInt8: number;
}

/** Scores of responses: the mean over the levels of the gated mixture. */
export function scores(heads: QrmHeads, features: Features): number[] {
  const M = heads.spec.attributes.length;
  const K = heads.spec.levels.length;
  const { quantiles, gate } = applyHeads(heads, features.reward.data, features.gating.data);
  return Array.from({ length: features.reward.rows }, (_, i) => {
    let sum = 0;
    for (let m = 0; m < M; m++) {
      for (let k = 0; k < K; k++) sum += gate[i * M + m]! * quantiles[(i * M + m) * K + k]!;
    }
    return sum / K;
  });
}

/**
 * @param float32 scores of the pairs, row 2i chosen, row 2i+1 rejected
 * @param heldOut indices of pairs
 */
export function comparePrecisions(
  float32: readonly number[],
  int8: readonly number[],
  heldOut: readonly number[],
): PrecisionFigures {
  const differences = float32.map((x, i) => Math.abs(x - int8[i]!));
  const mean = float32.reduce((a, b) => a + b, 0) / float32.length;
  const pairs = float32.length / 2;
  let same = 0;
  for (let i = 0; i < pairs; i++) {
    const a = float32[2 * i]! - float32[2 * i + 1]!;
    const b = int8[2 * i]! - int8[2 * i + 1]!;
    if (Math.sign(a) === Math.sign(b)) same++;
  }
  const right = (s: readonly number[]): number =>
    accuracy({
      chosen: heldOut.map((i) => s[2 * i]!),
      rejected: heldOut.map((i) => s[2 * i + 1]!),
    });
  return {
    responses: float32.length,
    correlation: pearson(float32, int8),
    meanDifference: differences.reduce((a, b) => a + b, 0) / differences.length,
    largestDifference: Math.max(...differences),
    deviation: Math.sqrt(float32.reduce((s, x) => s + (x - mean) ** 2, 0) / float32.length),
    sameOrder: same / pairs,
    heldOutFloat32: right(float32),
    heldOutInt8: right(int8),
  };
}
