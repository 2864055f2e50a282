import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { over, parseColour, withOpacity } from '../../../../webview/src/charts/colour.js';
import { ticks, tickText, type Layer, type Plot } from '../../../../webview/src/charts/plot.js';
import { svg } from '../../../../webview/src/charts/svg.js';
import { ROLES, type Role, type Theme } from '../../../../webview/src/charts/theme.js';
import { densityGrid } from '../../../../webview/src/data/density.js';

const theme: Theme = {
  highContrast: false,
  dark: true,
  font: 'sans-serif',
  colours: Object.fromEntries(ROLES.map((r) => [r, '#336699'])) as Record<Role, string>,
};

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
