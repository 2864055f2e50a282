import type { TokenTree } from '../trees/packing.js';

/** A backbone loaded for running trees of tokens. */
export interface Backbone {
  /** Token ids of the stored beginning: trees that start with it do not compute it. */
  readonly prefix: readonly number[];
  /**
   * Hidden states after the final norm at the wanted positions, [targets, hiddenSize] float32, in the
   * order in which the trees name them.
   */
  run(trees: readonly TokenTree[]): Promise<Float32Array>;
  release(): Promise<void>;
}
