import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarizeFigure } from '../../../server/src/audit/report/distribution.js';
import { UNPACED } from '../../../server/src/audit/report/pace.js';

const float = fc.oneof(
  fc.float({ noNaN: true, min: -1000, max: 1000 }),
  fc.constantFrom(0, -0, 1, -1, Number.NaN),
);

describe('the summary of a figure', () => {
  it('has the median that sorting gives, and counts every number once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(float, { maxLength: 60 }), async (list) => {
        const numbers = Float32Array.from(list);
        const found = await summarizeFigure(numbers.length, (i) => numbers[i]!, UNPACED);
        const sorted = numbers.filter((x) => !Number.isNaN(x)).sort();
        expect(found.size).toBe(sorted.length);
        expect(found.counts.reduce((sum, c) => sum + c, 0)).toBe(sorted.length);
        if (sorted.length === 0) {
          expect(found.median).toBeNaN();
          return;
        }
        const n = sorted.length;
        expect(found.median).toBeCloseTo((sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2, 12);
        expect(found.low === sorted[0] && found.high === sorted[n - 1]).toBe(true);
        // Each bar holds the numbers of its part of the axis.
        const step = (found.high - found.low || 1) / found.counts.length;
        const first = sorted.filter((x) => Math.floor((x - found.low) / step) === 0).length;
        expect(found.counts[0]).toBe(first);
      }),
    );
  });
});
