import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { legendOf, type Plot } from '../../../../webview/src/charts/plot.js';
import { contributionsPlot } from '../../../../webview/src/dashboard/charts/contribution-plot.js';
import {
  expectationPlot,
  marginPlot,
  tailPlot,
} from '../../../../webview/src/dashboard/charts/histogram-plots.js';
import { MOST_POINTS, scatterPlot } from '../../../../webview/src/dashboard/charts/scatter-plot.js';
import { select } from '../../../../webview/src/data/brush.js';
import { cellOpacity, densityGrid, nearest } from '../../../../webview/src/data/density.js';
import { documentOf, type Row } from '../helpers.js';

const data = (n: number): Row[] =>
  Array.from({ length: n }, (_, id) => ({
    id,
    expectation: Math.sin(id),
    tail: Math.sin(id) - 0.2 - 0.1 * Math.cos(id * 3),
    margin: id % 2 === 0 ? Math.sin(id * 1.7) : undefined,
    kind: id % 2,
    partner: id ^ 1,
  }));
const sum = (a: ArrayLike<number>) => Array.from(a).reduce((x, y) => x + y, 0);
const bars = (plot: Plot) => plot.layers.filter((l) => l.type === 'bars');

describe('plots of a document', () => {
  const d = documentOf(data(1200));
  const selection = select(d.responses, { tail: [-2, -0.5] });

  it('count every response once, and the brushed ones in the same bins', () => {
    const [all, brushed] = bars(expectationPlot([d], [selection]));
    expect(sum(all?.value ?? [])).toBe(1200);
    expect(sum(brushed?.value ?? [])).toBe(selection?.count);
    for (let b = 0; b < (all?.value.length ?? 0); b++) {
      expect(brushed?.value[b] ?? 0).toBeLessThanOrEqual(all?.value[b] ?? 0);
    }
    expect(sum(bars(tailPlot([d], [undefined]))[0]?.value ?? [])).toBe(1200);
  });

  it('have few bins for few responses, and never more than can be told apart', () => {
    const heavy = (n: number) =>
      data(n).map((row, i) => ({ ...row, expectation: i === 0 ? 400 : Math.sin(i) }));
    // An empty bin stands at either end.
    const bins = (rows: Row[]) => {
      const [layer] = bars(expectationPlot([documentOf(rows)], [undefined]));
      return (layer?.value.length ?? 0) - 2;
    };
    for (const n of [20, 72]) {
      expect(bins(data(n))).toBeGreaterThanOrEqual(8);
      expect(bins(data(n))).toBeLessThanOrEqual(16);
    }
    const peaked = data(5000).map((row, i) => ({ ...row, expectation: Math.sin(i) ** 3 }));
    expect(bins(peaked)).toBeGreaterThan(16);
    expect(bins(heavy(5000))).toBeGreaterThanOrEqual(40);
    expect(bins(heavy(5000))).toBeLessThanOrEqual(80);
  });

  it('colour inverted pairs as rejected', () => {
    const [margins] = bars(marginPlot([d], [undefined]));
    expect(sum(margins?.value ?? [])).toBe(600);
    expect(margins?.colourOf?.(-0.1, 3)).toBe('rejected');
    expect(margins?.colourOf?.(0.1, 3)).toBe('chosen');
  });

  it('compare two documents by shares', () => {
    const plot = expectationPlot([d, documentOf(data(50))], [undefined, undefined]);
    expect(sum(bars(plot)[0]?.value ?? [])).toBeCloseTo(1, 9);
    const outline = plot.layers.find((l) => l.type === 'line');
    // Two points a bin.
    expect(sum(outline?.type === 'line' ? outline.y : []) / 2).toBeCloseTo(1, 9);
  });

  it('draw points while they are few and cells when they are many', () => {
    const few = scatterPlot([d], [selection], 100, 80).layers.filter((l) => l.type === 'points');
    expect(few.map((l) => l.x.length)).toEqual([1200, selection?.count]);
    const many = documentOf(data(MOST_POINTS + 1));
    const cells = scatterPlot([many], [undefined], 100, 80).layers.find(
      (l) => l.type === 'density',
    );
    expect(sum(cells?.type === 'density' ? cells.grid.counts : [])).toBe(MOST_POINTS + 1);
  });

  it('say in words what they show', () => {
    const { summary } = expectationPlot([d], [undefined]);
    expect(summary).toContain('1,200 responses');
    expect(expectationPlot([documentOf([])], [undefined]).summary).toContain(
      'nothing is scored yet',
    );
  });

  it('order attributes by what they add, in every series', () => {
    const plot = contributionsPlot([
      {
        name: 'all',
        attributes: ['a', 'b', 'c'],
        contributions: { uri: '', sample: 1, mean: [0.1, -0.5, 0.3], gate: [] },
      },
      {
        name: 'brushed',
        attributes: ['c', 'b', 'a'],
        contributions: { uri: '', sample: 1, mean: [3, 2, 1], gate: [] },
      },
    ]);
    expect(plot.y.categories).toEqual(['a', 'c', 'b']);
    expect(bars(plot).map((l) => [...Array.from(l.value)])).toEqual([
      [-0.5, 0.3, 0.1],
      [2, 3, 1],
    ]);
    expect(legendOf(plot).map((e) => e.name)).toEqual(['all', 'brushed']);
  });
});

describe('densityGrid', () => {
  it('bins as a loop over cells would', () => {
    const box = { xMin: -1, xMax: 1, yMin: 0, yMax: 2 };
    // Sixty-fourths are exact in binary: no point falls beside an edge by rounding.
    const part = (low: number, high: number) =>
      fc.oneof(
        fc.integer({ min: low * 64, max: high * 64 }).map((v) => v / 64),
        fc.constant(Number.NaN),
      );
    const point = fc.tuple(part(-2, 2), part(-1, 3));
    fc.assert(
      fc.property(fc.array(point, { maxLength: 60 }), (points) => {
        const grid = densityGrid(
          points.map((p) => p[0]),
          points.map((p) => p[1]),
          points.length,
          box,
          5,
          4,
        );
        const counted = new Array<number>(20).fill(0);
        for (const [x, y] of points) {
          if (!(x >= -1 && x <= 1 && y >= 0 && y <= 2)) continue;
          const c = Math.min(Math.floor(((x + 1) / 2) * 5), 4);
          const r = Math.min(Math.floor(((2 - y) / 2) * 4), 3);
          counted[r * 5 + c] = (counted[r * 5 + c] ?? 0) + 1;
        }
        expect([...grid.counts]).toEqual(counted);
        expect(grid.peak).toBe(Math.max(0, ...grid.counts));
      }),
    );
  });

  it('keeps single points visible beside a dense core', () => {
    expect(cellOpacity(0, 100)).toBe(0);
    expect(cellOpacity(1, 1e6)).toBeGreaterThanOrEqual(0.25);
    expect(cellOpacity(1e6, 1e6)).toBeCloseTo(1, 12);
  });

  it('finds the nearest point on screen, or none', () => {
    const x = [0, 1, Number.NaN];
    const y = [0, 0, 0];
    // A unit of x is 10 pixels, one of y 100.
    expect(nearest(x, y, 3, { x: 0.8, y: 0 }, { x: 10, y: 100 }, 5)).toBe(1);
    expect(nearest(x, y, 3, { x: 1, y: 0.1 }, { x: 10, y: 100 }, 5)).toBe(-1);
  });
});
