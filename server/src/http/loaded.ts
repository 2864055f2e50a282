import type { ServeOptions } from '../protocol/index.js';
import type { Metrics } from './metrics.js';
import type { ServedModel } from './model.js';
import type { Scorer } from './scorer.js';

/** What is there once the model is loaded. */
export interface Loaded {
  readonly model: ServedModel;
  readonly scorer: Scorer;
}

export interface AppOptions {
  readonly options: ServeOptions;
  readonly version: string;
  readonly metrics: Metrics;
  readonly loaded: () => Loaded | undefined;
  /** No new work is taken. */
  readonly draining: () => boolean;
  /** A line of structured log: numbers, routes and codes, no text of anybody's. */
  readonly log: (line: Readonly<Record<string, unknown>>) => void;
}
