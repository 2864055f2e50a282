import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetailResult, ResponseDetail } from '../../../server/src/protocol/index.js';
import { attributeBars, ridgelinePlot } from '../../../webview/src/detail/attribute-plots.js';
import {
  cdfPlot,
  densityPlot,
  quantilePlot,
} from '../../../webview/src/detail/distribution-plots.js';
import {
  beats,
  detailModel,
  figures,
  lambdaAt,
  positionOf,
  type DetailModel,
} from '../../../webview/src/detail/model.js';

const K = 19;
const levels = Array.from({ length: K }, (_, k) => (k + 1) / (K + 1));
const detail = (kind: 'chosen' | 'rejected', q: readonly number[]): ResponseDetail => ({
  uri: 'file:///a.jsonl',
  epoch: 1,
  response: kind === 'chosen' ? 0 : 1,
  row: 0,
  spot: { line: 0, column: 0, endLine: 0, endColumn: 1 },
  kind,
  label: '',
  excerpt: 'text',
  tokens: 5,
  truncatedTokens: 0,
  quantiles: q,
  // Two attributes whose mixture with the gate (0.75, 0.25) is q.
  attributeQuantiles: [...q.map((v) => v + 0.1), ...q.map((v) => v - 0.3)],
  gate: [0.75, 0.25],
  expectation: q.reduce((a, b) => a + b, 0) / K,
  percentile: 0.1,
  findings: [],
});
const result = (a: ResponseDetail, b?: ResponseDetail): DetailResult => ({
  detail: a,
  partner: b,
  attributes: ['helpful', 'safe'],
  levels,
});
const model = (a: ResponseDetail, b?: ResponseDetail): DetailModel =>
  detailModel(result(a, b)) as DetailModel;
const good = levels.map((u) => 0.5 + 0.4 * u);
// Two levels cross, and there are two modes.
const bad = levels
  .map((u) => (u < 0.5 ? 0.1 * u : 0.8 + 0.1 * u))
  .map((v, k, q) => (k === 3 ? (q[4] ?? v) + 0.001 : v));

describe('figures of the detail view', () => {
  it('agree with their definitions', () => {
    const m = model(detail('chosen', good), detail('rejected', bad));
    const f = figures(m.own, levels, { tau: 0.25, lambda: 2, cvarLevel: 0.25 });
    const mean = good.reduce((a, b) => a + b, 0) / K;
    expect(f.expectation).toBeCloseTo(mean, 6);
    expect(f.tail).toBeCloseTo(0.5 + 0.4 * 0.25, 6);
    expect(f.certaintyEquivalent).toBeCloseTo(
      -Math.log(good.reduce((s, r) => s + Math.exp(-2 * r), 0) / K) / 2,
      6,
    );
    // The mean of Q over (0, 0.25], Q flat below the lowest level 0.05.
    expect(f.cvar).toBeCloseTo((0.05 * 0.52 + 0.2 * 0.56) / 0.25, 6);
    expect(f.spread).toBeCloseTo(0.4 * 0.9, 6);
    expect([f.modes, f.crossings]).toEqual([1, 0]);
    const g = figures(m.partner as NonNullable<DetailModel['partner']>, levels, {
      tau: 0.25,
      lambda: 2,
      cvarLevel: 0.25,
    });
    expect([g.modes, g.crossings]).toEqual([2, 1]);
  });

  it('give P(chosen beats rejected) whichever half is opened', () => {
    const chosenFirst = beats(model(detail('chosen', good), detail('rejected', bad)));
    const rejectedFirst = beats(model(detail('rejected', bad), detail('chosen', good)));
    expect(chosenFirst).toBeCloseTo(rejectedFirst ?? Number.NaN, 12);
    expect(beats(model(detail('chosen', good), detail('rejected', good)))).toBeCloseTo(0.5, 6);
    expect(beats(model(detail('chosen', good)))).toBeUndefined();
  });

  it('say nothing of a response without a score', () => {
    expect(
      detailModel({ detail: null, attributes: [], levels: [], reason: 'not scored' }),
    ).toBeUndefined();
  });

  it('map the lambda slider there and back', () => {
    expect(lambdaAt(0)).toBe(0);
    expect(lambdaAt(1)).toBeGreaterThan(900);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (p) => {
        expect(positionOf(lambdaAt(p))).toBeCloseTo(p, 9);
      }),
    );
    expect(positionOf(1e9)).toBe(1);
  });
});

describe('plots of the detail view', () => {
  const m = model(detail('chosen', good), detail('rejected', bad));

  it('draw densities of area one, the tail filled up to q_tau with area tau', () => {
    for (const tau of [0.05, 0.3]) {
      const lines = densityPlot(m, tau).layers.filter((l) => l.type === 'line');
      const areas = lines.map(({ x, y }) => {
        let a = 0;
        for (let i = 1; i < x.length; i++)
          a +=
            (((x[i] as number) - (x[i - 1] as number)) *
              ((y[i] as number) + (y[i - 1] as number))) /
            2;
        return a;
      });
      expect(areas[0]).toBeCloseTo(1, 2);
      expect(areas[1]).toBeCloseTo(1, 2);
      const tail = lines[2];
      expect(tail?.x[tail.x.length - 1]).toBeCloseTo(0.5 + 0.4 * tau, 6);
      // Smoothing moves a little mass over the cut.
      expect(areas[2]).toBeGreaterThan(tau * 0.6);
      expect(areas[2]).toBeLessThan(tau * 1.4);
    }
  });

  it('keep the raw quantiles beside the rearranged curve', () => {
    const plot = quantilePlot(m, 0.05);
    const raw = plot.layers.filter((l) => l.type === 'points').map((l) => Array.from(l.y));
    expect(raw).toEqual([bad, good]);
    const curves = plot.layers.filter((l) => l.type === 'line' && l.name !== undefined);
    for (const c of curves) {
      if (c.type !== 'line') continue;
      const y = Array.from(c.y);
      expect(y).toEqual([...y].sort((a, b) => a - b));
    }
  });

  it('draw the distribution function from 0 to 1, never falling, dashed where the model says nothing', () => {
    const lines = cdfPlot(m, 0.05).layers.filter((l) => l.type === 'line');
    for (const [model, low, high] of [0, 3].map((n) => lines.slice(n, n + 3))) {
      const ends = [low, model, high].map((l) => [l?.y[0], l?.y[(l?.y.length ?? 0) - 1]]);
      // Each begins where the one before ends.
      const [first, last] = [m.levels[0], m.levels[m.levels.length - 1]];
      expect(ends).toEqual([
        [0, first],
        [first, last],
        [last, 1],
      ]);
      expect(model?.dash === low?.dash).toBe(false);
    }
    for (const l of lines) {
      const [x, y] = [Array.from(l.x), Array.from(l.y)];
      expect(y).toEqual([...y].sort((a, b) => a - b));
      expect(x).toEqual([...x].sort((a, b) => a - b));
    }
  });

  it('stack attributes without running into the next, the strongest on top', () => {
    const plot = ridgelinePlot(m);
    expect(plot.y.categories).toEqual(['safe', 'helpful']);
    for (const l of plot.layers) {
      if (l.type !== 'line') continue;
      expect(Math.min(...Array.from(l.y))).toBeGreaterThanOrEqual(l.fillTo ?? Number.NaN);
      expect(Math.max(...Array.from(l.y))).toBeLessThan((l.fillTo ?? 0) + 1);
    }
  });

  it('show contributions that sum to the expectation', () => {
    const plot = attributeBars(m, 'Share', 'x', (s) => s.contributions);
    const [own] = plot.layers.filter((l) => l.type === 'bars');
    const total = Array.from(own?.value ?? []).reduce((a, b) => a + b, 0);
    expect(total).toBeCloseTo(m.own.detail.expectation, 6);
  });
});
