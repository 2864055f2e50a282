import type { Estimate, PromptBootstrap } from './bootstrap.js';
import { objectiveScores } from './objectives.js';
import { pointOf, type Point } from './point.js';
import type { SampleSet } from './samples.js';
import { BetaSolver } from './solve.js';
import { tilt, type PromptEstimates } from './tilting.js';

/** One risk aversion: the policy trained on the certainty equivalent with it, at the budget. */
export interface LambdaPoint {
  /** In 1 / reward. */
  readonly lambda: number;
  readonly point: Point;
  /** What q05 gains over the reference, a nat of KL. */
  readonly gainPerNat: Estimate;
}

export interface LambdaScan {
  /** In ascending order, 0 (the mean objective) first; those without a beta of this KL are left out. */
  readonly points: readonly LambdaPoint[];
  /** The lambda whose q05 gains most a nat; the best of the points, so its own gain is a little flattered. */
  readonly best?: number;
  /** The interval of the difference of q05 to the mean objective excludes 0 there. */
  readonly bestIsSure?: boolean;
  /** The smallest lambda from which on the mean is surely below that of the mean objective. */
  readonly costsFrom?: number;
}

/** Values 1, 2, 5, 10, … around 1 / (the rewards' own spread): below the first CE is the mean, above the last the worst level. */
export function lambdaGrid(samples: SampleSet): number[] {
  const { levels, quantiles } = samples;
  const K = levels.length;
  let [sum, count] = [0, 0];
  for (let i = 0; i < samples.expectation.length; i++) {
    const row = quantiles.subarray(i * K, i * K + K);
    const mean = row.reduce((a, b) => a + b, 0) / K;
    sum += row.reduce((a, b) => a + (b - mean) ** 2, 0) / K;
    count++;
  }
  const spread = Math.sqrt(sum / count);
  if (!(spread > 0)) return [];
  const all: number[] = [];
  for (let power = -12; power <= 12; power++)
    for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${power}`));
  return all.filter((lambda) => lambda * spread >= 0.1 && lambda * spread <= 60);
}

/** Yields what `step` says after each lambda. */
export function* scanOf(
  samples: SampleSet,
  given: {
    readonly lambdas: readonly number[];
    readonly budget: number;
    readonly figures: Float64Array;
    readonly bootstrap: PromptBootstrap;
    readonly reference: PromptEstimates;
    /** The mean objective's at the budget. */
    readonly mean: PromptEstimates | undefined;
    readonly step: () => number;
  },
): Generator<number, LambdaScan> {
  const { bootstrap, reference, mean, figures } = given;
  const points: LambdaPoint[] = [];
  for (const lambda of [...new Set([0, ...given.lambdas])].sort((a, b) => a - b)) {
    const scores = objectiveScores(samples, { kind: 'ce', lambda });
    const beta = new BetaSolver(samples, scores).beta(given.budget);
    yield given.step();
    if (beta === undefined) continue;
    const own = tilt(samples, scores, beta, figures);
    const point = pointOf(bootstrap, own, { beta }, reference, mean);
    const gain = point.gains?.q05 ?? point.figures.q05;
    const a = (x: number): number => x / point.kl.value;
    const gainPerNat = { value: a(gain.value), low: a(gain.low), high: a(gain.high) };
    points.push({ lambda, point, gainPerNat });
    yield given.step();
  }
  if (points.length === 0) return { points };
  const best = points.reduce((a, b) => (b.gainPerNat.value > a.gainPerNat.value ? b : a));
  // From there on, and not only there: one interval of twelve may miss by chance.
  const costs = points.filter(({ point }) => point.differences !== undefined);
  const from = costs.findLastIndex(({ point }) => !((point.differences?.mean.high ?? 0) < 0)) + 1;
  return {
    points,
    best: best.lambda,
    bestIsSure: best.lambda > 0 && (best.point.differences?.q05.low ?? 0) > 0,
    ...(from < costs.length && { costsFrom: costs[from]!.lambda }),
  };
}
