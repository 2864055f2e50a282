import { permutation, seeded } from '../../evaluation/statistics/index.js';
import type { GatingLayer } from '../../model/heads/heads.js';
import { AdamW, cosine } from './adamw.js';
import { GatingNetwork } from './gating-network.js';
import { matrix, takeRows, type Matrix } from '../matrix/matrix.js';

/** Pairs as the gate sees them: row i of each is pair i. */
export interface GatePairs {
  /** Features of the gating position, [n, inputs]. */
  readonly chosen: Matrix;
  readonly rejected: Matrix;
  /** Expectation of each attribute (the mean of its K quantiles) of the two responses, [n, M]. */
  readonly chosenRewards: Matrix;
  readonly rejectedRewards: Matrix;
  /** For the routing loss: 1 at the attributes that the pair's own source made, [n, M]. */
  readonly own?: Matrix;
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
  /** Epochs without a better validation loss after which training ends; 0 or absent: never. */
  readonly patience?: number;
  /**
   * Weight of a second loss, the cross-entropy of the gate's weights against `own`, the attributes of the pair's
   * source, where it has some. It makes the gate tell prompts apart; 0 or absent is the paper's gate.
   */
  readonly routing?: number;
}

/** One epoch of the gate, for the learning curve. */
export interface GateEpoch {
  readonly epoch: number;
  /** Bradley-Terry loss of the training batches, nats. */
  readonly loss: number;
  /** On the early stopping part, in evaluation mode. */
  readonly validation?: { readonly loss: number; readonly accuracy: number };
}

export interface GateTraining {
  /** Of the epoch with the best validation loss, or of the last one. */
  readonly layers: GatingLayer[];
  readonly curve: readonly GateEpoch[];
  readonly bestEpoch: number;
}

export interface GateWatch {
  readonly validate?: (
    layers: readonly GatingLayer[],
    beta: number,
  ) => { loss: number; accuracy: number };
  readonly onEpoch?: (epoch: GateEpoch, epochs: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Trains the gate with the Bradley-Terry loss on the expectation of the mixture, quantile heads frozen
 * (Dorka 2024, section 3; Wang et al. 2024, section 3.2): mean softplus(-beta (r_chosen - r_rejected)) with
 * r = sum_m g_m E_m. Labels lie in [0, 1], so differences are small; beta, which leaves every ranking as
 * it is, brings them to the loss's own scale: 1 / the root mean square of the attributes' differences.
 * Deterministic for a seed.
 */
export function trainGate(
  pairs: GatePairs,
  options: GateOptions,
  watch: GateWatch = {},
): GateTraining {
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
  const { patience = 0, routing = 0 } = options;
  const curve: GateEpoch[] = [];
  let best: { layers: GatingLayer[]; epoch: number; loss: number } | undefined;
  let sum = 0;
  for (let step = 0, order: number[] = []; step < total; step++) {
    const at = step % perEpoch;
    if (at === 0) {
      watch.signal?.throwIfAborted();
      order = permutation(n, random);
      sum = 0;
    }
    // Equal batches: a last one of a single pair would leave BatchNorm nothing to measure.
    const batch = order.slice(
      Math.floor((at * n) / perEpoch),
      Math.floor(((at + 1) * n) / perEpoch),
    );
    const weights = network.forward(stack(pairs.chosen, pairs.rejected, batch));
    const rewards = stack(pairs.chosenRewards, pairs.rejectedRewards, batch);
    const { loss, gradient } = bradleyTerry(weights, rewards, beta);
    if (routing > 0 && pairs.own) {
      addRouting(gradient, weights, stack(pairs.own, pairs.own, batch), routing);
    }
    network.backward(gradient);
    optimizer.step(network.gradients, cosine(step, total));
    sum += loss * batch.length;
    if (at + 1 < perEpoch) continue;
    const epoch = curve.length + 1;
    const layers = watch.validate || epoch === options.epochs ? network.frozen() : undefined;
    const validation = layers && watch.validate?.(layers, beta);
    curve.push({ epoch, loss: sum / n, validation });
    watch.onEpoch?.(curve.at(-1)!, options.epochs);
    if (validation && (!best || validation.loss < best.loss)) {
      best = { layers: layers!, epoch, loss: validation.loss };
    }
    if (patience > 0 && best && epoch - best.epoch >= patience) break;
  }
  return {
    layers: best?.layers ?? network.frozen(),
    curve,
    bestEpoch: best?.epoch ?? curve.length,
  };
}

/**
 * Adds the gradient of the cross-entropy -log(sum of the weights of a pair's own attributes), a mean
 * over all rows, of which those without own attributes have none.
 */
function addRouting(gradient: Matrix, weights: Matrix, own: Matrix, factor: number): void {
  const M = weights.columns;
  const shares = Array.from({ length: weights.rows }, (_, i) => {
    let share = 0;
    for (let at = i * M; at < (i + 1) * M; at++) share += weights.data[at]! * own.data[at]!;
    return share;
  });
  const rows = shares.length;
  shares.forEach((share, i) => {
    if (share <= 0) return;
    for (let at = i * M; at < (i + 1) * M; at++) {
      gradient.data[at]! -= (factor * own.data[at]!) / Math.max(share, 1e-6) / rows;
    }
  });
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
