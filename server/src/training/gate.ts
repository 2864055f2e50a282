import type { GatingLayer } from '../model/heads/heads.js';
import { AdamW, cosine } from './adamw.js';
import { GatingNetwork } from './gating-network.js';
import { matrix, takeRows, type Matrix } from './matrix.js';
import { permutation, seeded } from './random.js';

/** Pairs as the gate sees them: row i of each is pair i. */
export interface GatePairs {
  /** Features of the gating position, [n, inputs]. */
  readonly chosen: Matrix;
  readonly rejected: Matrix;
  /** Expectation of each attribute (the mean of its K quantiles) of the two responses, [n, M]. */
  readonly chosenRewards: Matrix;
  readonly rejectedRewards: Matrix;
}

export interface GateOptions {
  /** Channels of the hidden layers. */
  readonly hidden: readonly number[];
  readonly temperature: number;
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly seed: number;
}

/**
 * Trains the gate with the Bradley-Terry loss on the expectation of the mixture, quantile heads frozen
 * (Dorka 2024, section 3; Wang et al. 2024, section 3.2): mean softplus(-beta (r_chosen - r_rejected)) with
 * r = sum_m g_m E_m. Labels lie in [0, 1], so differences are small; beta, which leaves every ranking as
 * it is, brings them to the loss's own scale: 1 / the root mean square of the attributes' differences.
 * Deterministic for a seed.
 */
export function trainGate(pairs: GatePairs, options: GateOptions): GatingLayer[] {
  const n = pairs.chosen.rows;
  const M = pairs.chosenRewards.columns;
  if (n < 2) throw new RangeError(`${n} pairs; the gate needs two or more`);
  const random = seeded(options.seed);
  const network = new GatingNetwork(
    [pairs.chosen.columns, ...options.hidden, M],
    options.temperature,
    random,
  );
  const optimizer = new AdamW(network.parameters, options);
  const beta = differenceScale(pairs);
  const perEpoch = Math.ceil(n / options.batch);
  const total = options.epochs * perEpoch;
  for (let step = 0, order: number[] = []; step < total; step++) {
    const at = step % perEpoch;
    if (at === 0) order = permutation(n, random);
    // Equal batches: a last one of a single pair would leave BatchNorm nothing to measure.
    const batch = order.slice(
      Math.floor((at * n) / perEpoch),
      Math.floor(((at + 1) * n) / perEpoch),
    );
    const { gradient } = bradleyTerry(
      network.forward(stack(pairs.chosen, pairs.rejected, batch)),
      stack(pairs.chosenRewards, pairs.rejectedRewards, batch),
      beta,
    );
    network.backward(gradient);
    optimizer.step(network.gradients, cosine(step, total));
  }
  return network.frozen();
}

function stack(a: Matrix, b: Matrix, rows: readonly number[]): Matrix {
  return matrix(2 * rows.length, a.columns, [...takeRows(a, rows).data, ...takeRows(b, rows).data]);
}

function differenceScale({ chosenRewards: a, rejectedRewards: b }: GatePairs): number {
  const square = a.data.reduce((sum, x, i) => sum + (x - b.data[i]!) ** 2, 0);
  return square > 0 ? 1 / Math.sqrt(square / a.data.length) : 1;
}

/**
 * The Bradley-Terry loss of pairs and its gradient by the gate weights. The first half of the rows are the
 * chosen responses, the second half the rejected ones in the same order.
 * @param weights gate weights [2n, M]
 * @param rewards expectation of each attribute [2n, M]
 */
export function bradleyTerry(
  weights: Matrix,
  rewards: Matrix,
  beta: number,
): { loss: number; gradient: Matrix } {
  const n = weights.rows / 2;
  const half = n * weights.columns;
  const gradient = matrix(weights.rows, weights.columns);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    let difference = 0;
    for (let at = i * weights.columns; at < (i + 1) * weights.columns; at++) {
      difference += weights.data[at]! * rewards.data[at]!;
      difference -= weights.data[half + at]! * rewards.data[half + at]!;
    }
    const x = -beta * difference;
    // softplus without overflow
    loss += (Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))) / n;
    const slope = -beta / (1 + Math.exp(-x)) / n;
    for (let at = i * weights.columns; at < (i + 1) * weights.columns; at++) {
      gradient.data[at] = slope * rewards.data[at]!;
      gradient.data[half + at] = -slope * rewards.data[half + at]!;
    }
  }
  return { loss, gradient };
}
