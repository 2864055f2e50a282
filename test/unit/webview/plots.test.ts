import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { over, parseColour, withOpacity } from '../../../webview/src/charts/colour.js';
import {
  legendOf,
  ticks,
  tickText,
  type Layer,
  type Plot,
} from '../../../webview/src/charts/plot.js';
import { svg } from '../../../webview/src/charts/svg.js';
import { ROLES, type Role, type Theme } from '../../../webview/src/charts/theme.js';
import { contributionsPlot } from '../../../webview/src/dashboard/charts/contribution-plot.js';
import {
  expectationPlot,
  marginPlot,
  tailPlot,
} from '../../../webview/src/dashboard/charts/histogram-plots.js';
import { MOST_POINTS, scatterPlot } from '../../../webview/src/dashboard/charts/scatter-plot.js';
import { select } from '../../../webview/src/data/brush.js';
import { cellOpacity, densityGrid, nearest } from '../../../webview/src/data/density.js';
import { documentOf, type Row } from './helpers.js';

const theme: Theme = {
  highContrast: false,
  dark: true,
  font: 'sans-serif',
  colours: Object.fromEntries(ROLES.map((r) => [r, '#336699'])) as Record<Role, string>,
};
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

/** The names of all tags, after checking that they nest. */
function tagsOf(xml: string): string[] {
  const open: string[] = [];
  const names: string[] = [];
  for (const [, close, name, self] of xml.matchAll(
    /<(\/?)([a-zA-Z]+)(?:\s+[a-zA-Z:-]+="[^"<]*")*\s*(\/?)>/g,
  )) {
    if (close) expect(open.pop()).toBe(name);
    else {
      names.push(name as string);
      if (!self) open.push(name as string);
    }
  }
  expect(open).toEqual([]);
  // Nothing that looks like markup is left between the tags.
  expect(xml.replace(/<(\/?)([a-zA-Z]+)(?:\s+[a-zA-Z:-]+="[^"<]*")*\s*(\/?)>/g, '')).not.toMatch(
    /[<>]/,
  );
  return names;
}

describe('svg', () => {
  const plot = (layers: readonly Layer[]): Plot => ({
    title: 'Title',
    x: { label: 'x', min: 0, max: 10 },
    y: { label: 'y', min: 0, max: 100 },
    layers,
    summary: 'summary',
  });

  it('draws bars in proportion, from zero', () => {
    const out = svg(
      plot([{ type: 'bars', colour: 'tail', at: [1, 3], value: [25, 50], width: 2 }]),
      theme,
      720,
      480,
    );
    const rects = [
      ...out.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" fill/g),
    ]
      .slice(-2)
      .map((m) => m.slice(1).map(Number));
    const [a, b] = rects as [number[], number[]];
    // 480 less the margins 36 and 44 is 400 pixels for 100 units.
    expect(a[3]).toBeCloseTo(100, 1);
    expect(b[3]).toBeCloseTo(200, 1);
    expect((a[1] ?? 0) + (a[3] ?? 0)).toBeCloseTo((b[1] ?? 0) + (b[3] ?? 0), 1);
    expect((b[0] ?? 0) - (a[0] ?? 0)).toBeCloseTo(((720 - 56 - 16) / 10) * 2, 1);
  });

  it('is well-formed and shows hostile names as text', () => {
    const evil = '"><script>alert(1)</script><a href="javascript:1">\u0000\u202e&';
    const layers: Layer[] = [
      {
        type: 'line',
        name: evil,
        colour: 'chosen',
        x: [0, 5],
        y: [0, 50],
        fillTo: 0,
        dash: [2, 2],
      },
      { type: 'bars', name: 'b', colour: 'tail', at: [1], value: [-5], width: 1, sideways: true },
      { type: 'points', colour: 'tail', x: [1], y: [1], radius: 2, hollow: true },
      { type: 'rule', axis: 'y', value: 3, colour: 'text', label: evil },
      { type: 'diagonal', colour: 'text' },
      {
        type: 'density',
        colour: 'tail',
        box: { xMin: 0, xMax: 10, yMin: 0, yMax: 100 },
        grid: densityGrid([5], [50], 1, { xMin: 0, xMax: 10, yMin: 0, yMax: 100 }, 4, 4),
      },
    ];
    const out = svg(
      {
        ...plot(layers),
        title: evil,
        summary: evil,
        y: { label: evil, min: 0, max: 2, categories: [evil, 'c'] },
      },
      theme,
    );
    const tags = new Set(tagsOf(out));
    expect([...tags].sort()).toEqual([
      'circle',
      'clipPath',
      'desc',
      'g',
      'path',
      'rect',
      'svg',
      'text',
      'title',
    ]);
    expect(out).not.toMatch(/[\u0000-\u0008\u202e]/);
    const inTags = (out.match(/<[a-zA-Z][^<>]*>/g) ?? []).join('').replaceAll(/"[^"]*"/g, '');
    expect(inTags).not.toMatch(/\bon[a-z]+=|href=/);
  });
});

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

describe('axes and colours', () => {
  it('has round ticks inside the axis, at least two', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e3, max: 1e3, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (low, span) => {
          const places = ticks(low, low + span, 5);
          expect(places.length).toBeGreaterThanOrEqual(2);
          expect(places.length).toBeLessThanOrEqual(14);
          const texts = places.map((p) => tickText(p, places));
          expect(new Set(texts).size).toBe(places.length);
          for (const [i, p] of places.entries()) {
            expect(p).toBeGreaterThanOrEqual(low - span * 1e-6);
            expect(p).toBeLessThanOrEqual(low + span * (1 + 1e-6));
            // What is written is where the tick stands.
            expect(Math.abs(Number(texts[i]?.replace('−', '-')) - p)).toBeLessThan(span * 1e-3);
          }
        },
      ),
    );
    expect(ticks(1, 1, 5)).toEqual([]);
  });

  it('reads the colours of themes', () => {
    expect(parseColour('#abc')).toEqual({ r: 170, g: 187, b: 204, a: 1 });
    expect(parseColour('#ff000080')?.a).toBeCloseTo(0.502, 3);
    expect(parseColour('rgba(1, 2, 3, 0.5)')).toEqual({ r: 1, g: 2, b: 3, a: 0.5 });
    expect(parseColour('tomato')).toBeUndefined();
    expect(withOpacity('#ff000080', 0.5)).toBe('rgba(255, 0, 0, 0.251)');
    expect(over('rgba(255, 255, 255, 0.5)', '#000000')).toBe('rgb(128, 128, 128)');
  });
});
