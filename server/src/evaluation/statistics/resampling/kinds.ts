import type { StepPacer } from './step-pacer.js';

/** Numbers pairs of a state and a value, in the order of their first use: exact, by open addressing. */
class States {
  private readonly mask: number;
  private readonly state: Uint32Array;
  private readonly value: Float64Array;
  /** Number + 1; 0 is free. */
  private readonly number: Uint32Array;
  private readonly scratch = new Float64Array(1);
  private readonly bits = new Uint32Array(this.scratch.buffer);
  private base = 0;
  next = 0;

  /** @param most pairs between two resets */
  constructor(most: number) {
    let size = 16;
    while (size < 2 * most) size *= 2;
    this.mask = size - 1;
    this.state = new Uint32Array(size);
    this.value = new Float64Array(size);
    this.number = new Uint32Array(size);
  }

  /** Forgets all pairs; numbers go on from here. */
  reset(base: number): void {
    this.number.fill(0);
    this.base = this.next = base;
  }

  of(state: number, value: number): number {
    this.scratch[0] = value;
    let h = Math.imul(state ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(this.bits[0]!, 0xc2b2ae35);
    h = Math.imul(h ^ (h >>> 15) ^ this.bits[1]!, 0x27d4eb2f);
    h ^= h >>> 13;
    for (let at = h & this.mask; ; at = (at + 1) & this.mask) {
      if (this.number[at] === 0) {
        this.state[at] = state;
        this.value[at] = value;
        this.number[at] = this.next - this.base + 1;
        return this.next++;
      }
      if (this.state[at] === state && this.value[at] === value)
        return this.base + this.number[at]! - 1;
    }
  }
}

/** Lists of values, one a cluster, as flat arrays: that of cluster c is from start[c] to start[c + 1]. */
export interface Lists {
  readonly start: Uint32Array;
  readonly clusters: number;
}

/**
 * Tells clusters apart: two are of one kind while all that was said of them is the same. By refinement, so that
 * nothing but a number for each cluster is held, however much is said.
 */
export class Kinds {
  private readonly states: States;
  private count: number;

  /** @param kind of each cluster, to begin with, below `count`; is written over */
  constructor(
    private readonly lists: Lists,
    readonly kind: Uint32Array,
    count: number,
  ) {
    this.count = count;
    this.states = new States(lists.start[lists.clusters]!);
  }

  /** Splits kinds by the values of their lists. */
  async refine(values: (at: number) => number, pace: StepPacer): Promise<void> {
    const { start, clusters } = this.lists;
    const { states, kind } = this;
    states.reset(this.count);
    for (let c = 0; c < clusters; c++) {
      let state = kind[c]!;
      const to = start[c + 1]!;
      for (let at = start[c]!; at < to; at++) state = states.of(state, values(at));
      kind[c] = state;
      if (pace.due(4 * (to - start[c]!))) await pace.rest();
    }
    await this.renumber(pace);
  }

  /** Kinds as 0..count - 1: states between were numbered too. */
  private async renumber(pace: StepPacer): Promise<void> {
    const dense = new Uint32Array(this.states.next);
    let count = 0;
    for (let c = 0; c < this.kind.length; c++) {
      const old = this.kind[c]!;
      if (dense[old] === 0) dense[old] = ++count;
      this.kind[c] = dense[old]! - 1;
      if (pace.due(1)) await pace.rest();
    }
    this.count = count;
  }
}
