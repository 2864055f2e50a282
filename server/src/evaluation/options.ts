import { setImmediate } from 'node:timers/promises';
import type { CompareOptions } from './compare.js';

export interface EvaluateOptions {
  /** Resamples of the prompts; default 1000. */
  readonly replicates?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

export const DEFAULT_REPLICATES = 1000;

export const compareOptions = ({ replicates, seed, signal }: EvaluateOptions): CompareOptions => ({
  replicates: replicates ?? DEFAULT_REPLICATES,
  seed: seed ?? 1,
  level: 0.95,
  tick: async () => {
    await setImmediate();
    signal?.throwIfAborted();
  },
});
