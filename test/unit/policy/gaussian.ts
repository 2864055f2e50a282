import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import type { SampleSet } from '../../../server/src/policy/index.js';

/** Standard normal numbers (Box & Muller 1958), the same in every run. */
export function normal(seed: number): () => number {
  const random = seeded(seed);
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

export const LEVELS = Array.from({ length: 19 }, (_, k) => (k + 1) / 20);

/** Quantiles of the standard normal distribution at `LEVELS`, from its tables. */
export const Z = [
  -1.6448536, -1.2815516, -1.0364334, -0.8416212, -0.6744898, -0.5244005, -0.3853205, -0.2533471,
  -0.1256613, 0, 0.1256613, 0.2533471, 0.3853205, 0.5244005, 0.6744898, 0.8416212, 1.0364334,
  1.2815516, 1.6448536,
];

/**
 * P prompts with n responses each, whose reward is normal about a mean of its own, with a standard deviation of its
 * own: two numbers that `draw` gives.
 */
export function gaussianSamples(
  P: number,
  n: number,
  draw: (p: number) => { mean: number; spread: number },
): SampleSet {
  const N = P * n;
  const K = LEVELS.length;
  const samples = {
    levels: LEVELS,
    attributes: ['only'],
    offsets: Uint32Array.from({ length: P + 1 }, (_, p) => p * n),
    quantiles: new Float32Array(N * K),
    expectation: new Float64Array(N),
    attributeMeans: new Float32Array(N),
    tokens: new Uint32Array(N).fill(10),
  };
  for (let i = 0; i < N; i++) {
    const { mean, spread } = draw(Math.floor(i / n));
    samples.expectation[i] = mean;
    samples.attributeMeans[i] = mean;
    Z.forEach((z, k) => (samples.quantiles[i * K + k] = mean + spread * z));
  }
  return samples;
}
