import type { StepPacer } from './step-pacer.js';

const DIGITS = 1 << 16;

/** Samples in ascending order of a number, equal ones in one group and in their own order. NaN stand last. */
export class Ranked {
  private constructor(
    readonly order: Uint32Array,
    /** Where each group ends in the order. */
    readonly ends: Uint32Array,
  ) {}

  /**
   * By radix, 16 bits at once from the lowest: in time that grows with n alone, with rests between.
   * @param key of sample i; asked for once
   */
  static async of(n: number, key: (i: number) => number, pace: StepPacer): Promise<Ranked> {
    const keys = new Float64Array(n);
    const words = new Uint32Array(keys.buffer);
    for (let i = 0; i < n; i++) {
      const k = key(i);
      // One NaN, one zero.
      keys[i] = Number.isNaN(k) ? Number.NaN : k + 0;
      // So that the order of the bits is that of the numbers: those below 0 turned round, the others above them.
      const high = words[2 * i + 1]!;
      const flip = high >>> 31 === 1;
      words[2 * i + 1] = flip ? ~high : high ^ 0x80000000;
      if (flip) words[2 * i] = ~words[2 * i]!;
      if (pace.due(4)) await pace.rest();
    }
    const digits = new Uint16Array(keys.buffer);
    let order = Uint32Array.from({ length: n }, (_, i) => i);
    let other = new Uint32Array(n);
    for (let pass = 0; pass < 4; pass++) {
      const next = new Uint32Array(DIGITS + 1);
      for (let i = 0; i < n; i++) next[digits[4 * i + pass]! + 1]!++;
      if (next.includes(n)) continue;
      for (let d = 0; d < DIGITS; d++) next[d + 1]! += next[d]!;
      for (let at = 0; at < n;) {
        const to = Math.min(n, at + 65_536);
        for (; at < to; at++) other[next[digits[4 * order[at]! + pass]!]!++] = order[at]!;
        if (pace.due(65_536 * 4)) await pace.rest();
      }
      [order, other] = [other, order];
    }
    const ends = other;
    let groups = 0;
    for (let at = 1; at <= n; at++) {
      const [a, b] = [2 * order[at - 1]!, 2 * (order[at] ?? 0)];
      if (at === n || words[a] !== words[b] || words[a + 1] !== words[b + 1]) ends[groups++] = at;
    }
    return new Ranked(order, ends.slice(0, groups));
  }

  get length(): number {
    return this.order.length;
  }
}
