import type { Random } from './random.js';

/** What came of one case. */
export interface Outcome {
  /** What it was, for the counts of the summary. */
  readonly counted: readonly string[];
  /** What did not hold. */
  readonly failure?: string;
}

/** One sort of cases: a generator and what has to hold. */
export interface Kind {
  readonly name: string;
  /** Run once, before the first case and outside its thread; gives what is run after the last. */
  prepare?(): Promise<() => Promise<void>>;
  /** The inputs of a case, by name, to be kept when it fails. */
  inputs(random: Random): Promise<ReadonlyMap<string, Buffer>> | ReadonlyMap<string, Buffer>;
  /** Runs the case; what it throws is a failure too. */
  run(inputs: ReadonlyMap<string, Buffer>, random: Random): Promise<Outcome>;
}
