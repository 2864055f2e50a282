import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  commonBins,
  countInto,
  StreamHistogram,
  type Bins,
} from '../../../../webview/src/data/histogram.js';

// The figures come as 32-bit floats.
const reward = fc.oneof(
  fc.float({ min: -2, max: 2, noNaN: true }),
  fc.float({ min: -1_000_000, max: 1_000_000, noNaN: true }),
  fc.float({ min: 0.5, max: Math.fround(0.50001), noNaN: true }),
  fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity),
);
const filled = (values: readonly number[]) => {
  const h = new StreamHistogram();
  for (const v of values) h.add(v);
  return h;
};
const naive = (bins: Bins, values: readonly number[]) =>
  Array.from(
    bins.counts,
    (_, b) =>
      values.filter((v) => Math.floor(v / bins.width) === Math.round(bins.start / bins.width) + b)
        .length,
  );

describe('StreamHistogram', () => {
  it('counts as one pass over all figures would, whatever their order and range', () => {
    fc.assert(
      fc.property(
        fc.array(reward, { maxLength: 200 }),
        fc.integer({ min: 2, max: 100 }),
        (values, most) => {
          const finite = values.filter(Number.isFinite);
          const bins = filled(values).bins(most);
          expect(bins.counts.length).toBeLessThanOrEqual(most);
          expect(bins.counts.reduce((a, b) => a + b, 0)).toBe(finite.length);
          expect([...bins.counts]).toEqual(naive(bins, finite));
        },
      ),
    );
  });

  it('forgets a figure that is taken out', () => {
    fc.assert(
      fc.property(
        fc.array(reward, { maxLength: 60 }),
        fc.array(reward, { maxLength: 60 }),
        (kept, gone) => {
          const h = filled([...kept, ...gone]);
          for (const v of gone) h.remove(v);
          const finite = kept.filter(Number.isFinite);
          expect(h.total).toBe(finite.length);
          const bins = h.bins(64);
          expect([...bins.counts]).toEqual(naive(bins, finite));
        },
      ),
    );
  });

  it('finds quantiles to within a fine bin of the sorted figures', () => {
    const values = Array.from({ length: 5000 }, (_, i) => Math.sin(i) * 3 + Math.cos(i * 7.3));
    const sorted = [...values].sort((a, b) => a - b);
    const h = filled(values);
    const fine = h.bins(1e9).width;
    for (const p of [0, 0.05, 0.5, 0.9, 1]) {
      const at = sorted[Math.min(Math.max(Math.ceil(p * 5000) - 1, 0), 4999)] as number;
      expect(Math.abs(h.quantile(p) - at)).toBeLessThanOrEqual(fine);
    }
    expect(h.mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / 5000, 10);
  });

  it('suits its bins to the figures by the rule of Freedman and Diaconis', () => {
    for (const n of [72, 1000, 20_000]) {
      const values = Array.from({ length: n }, (_, i) => Math.sin(i) + Math.sin(i * 1.7));
      const sorted = [...values].sort((a, b) => a - b);
      const at = (p: number) => sorted[Math.floor(p * (n - 1))] as number;
      const width = (2 * (at(0.75) - at(0.25))) / Math.cbrt(n);
      const wanted = (at(1) - at(0)) / width;
      expect(filled(values).suited() / wanted).toBeGreaterThan(0.9);
      expect(filled(values).suited() / wanted).toBeLessThan(1.1);
    }
  });

  it('suits few bins where most figures are alike, and one where there are none', () => {
    const alike = [...Array.from({ length: 1000 }, () => 0.5), 0.1, 0.9];
    expect(filled(alike).suited()).toBeCloseTo(Math.log2(1002) + 1, 9);
    expect(filled([]).suited()).toBe(1);
  });

  it('says nothing of no figures', () => {
    const h = filled([Number.NaN]);
    expect(h.total).toBe(0);
    expect(h.mean).toBeNaN();
    expect(h.quantile(0.5)).toBeNaN();
    expect(h.bins(50).counts).toHaveLength(0);
  });

  it('counts two documents in common bins, each exactly', () => {
    const a = Array.from({ length: 400 }, (_, i) => Math.sin(i));
    const b = Array.from({ length: 300 }, (_, i) => 5 * Math.cos(i) + 2);
    const [ha, hb] = [filled(a), filled(b)];
    const bins = commonBins([ha.bins(40), hb.bins(40)]);
    expect([...ha.countsIn(bins)]).toEqual(naive(bins, a));
    expect([...hb.countsIn(bins)]).toEqual(naive(bins, b));
  });
});

describe('countInto', () => {
  it('counts only the kept figures inside the bins', () => {
    const bins = { start: 0, width: 0.5, counts: new Float64Array(2) };
    const values = [-0.1, 0, 0.49, 0.5, 0.99, 1, Number.NaN, 0.2];
    const keep = Uint8Array.from([1, 1, 1, 1, 0, 1, 1, 0]);
    expect([...countInto(bins, values, keep)]).toEqual([2, 1]);
  });
});
