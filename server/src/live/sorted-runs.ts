import { Pacer } from '../pace.js';

const RUN = 1 << 15;
type Run = Float64Array | Float32Array;

/**
 * Order statistics of many numbers without one long sort: sorted runs of 32k numbers each, asked
 * across the runs. Building is paced; each question costs microseconds.
 */
export class SortedRuns {
  private constructor(
    private readonly runs: readonly Run[],
    readonly size: number,
  ) {}

  /**
   * @param get the i-th of n numbers; NaN are left out
   * @param Kind Float32Array halves the memory of numbers that are float32 already
   */
  static async of(
    n: number,
    get: (i: number) => number,
    signal?: AbortSignal,
    Kind: new (n: number) => Run = Float64Array,
  ) {
    const pacer = new Pacer();
    const runs: Run[] = [];
    let size = 0;
    let run = new Kind(RUN);
    let filled = 0;
    const close = () => {
      if (filled > 0) runs.push(run.slice(0, filled).sort());
      size += filled;
      filled = 0;
      run = new Kind(RUN);
    };
    for (let i = 0; i < n; i++) {
      const value = get(i);
      if (!Number.isNaN(value)) run[filled++] = value;
      if (filled === RUN) close();
      if ((i & 1023) === 0 && pacer.due) await pacer.tick(signal);
    }
    close();
    return new SortedRuns(runs, size);
  }

  /** How many are below `x` (and, if `inclusive`, equal to it). */
  rank(x: number, inclusive = false): number {
    return this.runs.reduce((sum, run) => sum + bound(run, x, inclusive, 0, run.length), 0);
  }

  /** The k-th lowest, k from 0; NaN when there are not so many. Narrows all runs around a pivot. */
  kth(k: number): number {
    if (!(k >= 0 && k < this.size)) return Number.NaN;
    const windows = this.runs.map((run) => ({ run, low: 0, high: run.length }));
    for (;;) {
      const widest = windows.reduce((a, b) => (b.high - b.low > a.high - a.low ? b : a));
      const pivot = widest.run[(widest.low + widest.high) >> 1] as number;
      const cuts = windows.map(({ run, low, high }) => ({
        below: bound(run, pivot, false, low, high),
        upTo: bound(run, pivot, true, low, high),
      }));
      const below = cuts.reduce((sum, c, r) => sum + c.below - (windows[r]?.low ?? 0), 0);
      const upTo = cuts.reduce((sum, c, r) => sum + c.upTo - (windows[r]?.low ?? 0), 0);
      if (k < below) windows.forEach((w, r) => (w.high = cuts[r]?.below ?? w.high));
      else if (k < upTo) return pivot;
      else {
        k -= upTo;
        windows.forEach((w, r) => (w.low = cuts[r]?.upTo ?? w.low));
      }
    }
  }
}

/** First index of run[low, high) whose value is not below `x` (or is above it, if `inclusive`). */
function bound(run: Run, x: number, inclusive: boolean, low: number, high: number) {
  while (low < high) {
    const mid = (low + high) >> 1;
    const value = run[mid] as number;
    if (value < x || (inclusive && value === x)) low = mid + 1;
    else high = mid;
  }
  return low;
}
