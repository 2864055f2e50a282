import { setImmediate } from 'node:timers/promises';
import type { CompareOptions } from './comparison/compare.js';

export interface EvaluateOptions {
  /** Resamples of the prompts; default 1000. */
  readonly replicates?: number;
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** What is being resampled, in words, and the share of it that is done. */
  readonly progress?: (stage: string, share: number) => void;
}

export const DEFAULT_REPLICATES = 1000;

export const compareOptions = ({
  replicates,
  seed,
  signal,
  progress,
}: EvaluateOptions): CompareOptions => ({
  replicates: replicates ?? DEFAULT_REPLICATES,
  seed: seed ?? 1,
  level: 0.95,
  ...(progress && { progress }),
  tick: async () => {
    await setImmediate();
    signal?.throwIfAborted();
  },
});
