import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SortedRuns } from '../../../server/src/live/sorted-runs.js';

const numbers = fc.array(
  fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true }), fc.constant(Number.NaN)),
  { maxLength: 300 },
);

describe('SortedRuns', () => {
  it('gives the order statistics and ranks of a full sort', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, async (values) => {
        const runs = await SortedRuns.of(values.length, (i) => values[i] ?? Number.NaN);
        const sorted = values.filter((v) => !Number.isNaN(v)).sort((a, b) => a - b);
        expect(runs.size).toBe(sorted.length);
        for (const [k, v] of sorted.entries()) {
          expect(runs.kth(k) === v).toBe(true);
          expect(runs.rank(v)).toBe(sorted.filter((s) => s < v).length);
          expect(runs.rank(v, true)).toBe(sorted.filter((s) => s <= v).length);
        }
        expect(runs.kth(sorted.length)).toBeNaN();
        expect(runs.kth(-1)).toBeNaN();
      }),
    );
  });

  it('spans many runs, and leaves the event loop free', async () => {
    const n = 200_000;
    const value = (i: number) => (i * 7919) % n;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const runs = await SortedRuns.of(n, value);
    clearInterval(timer);
    for (const k of [0, 1, 999, n / 2, n - 1]) expect(runs.kth(k)).toBe(k);
    expect(turns).toBeGreaterThan(0);
  });

  it('stops when told to', async () => {
    const stop = new AbortController();
    const built = SortedRuns.of(5_000_000, (i) => i, stop.signal);
    setTimeout(() => stop.abort(), 1);
    await expect(built).rejects.toThrow(/abort/i);
  });
});
