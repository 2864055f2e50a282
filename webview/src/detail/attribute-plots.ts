import { decimals } from '../../../server/src/protocol/index.js';
import { densityCurve, expectation } from '../../../server/src/qrm/index.js';
import type { Layer, Plot } from '../charts/plot.js';
import { inWords, type DetailModel, type Side } from './model.js';

/** One density per attribute, the one that adds most on top. */
export function ridgelinePlot(model: DetailModel): Plot {
  const { levels, own, attributes } = model;
  const order = byStrength(own.contributions);
  const layers: Layer[] = [];
  let low = Infinity;
  let high = -Infinity;
  order.forEach((m, place) => {
    const base = order.length - 1 - place;
    const curves = model.sides.map((s) =>
      densityCurve(s.attributes[m] as Float32Array, levels, 97),
    );
    const peak = Math.max(...curves.flatMap((c) => Array.from(c.y)), 1e-12);
    for (const n of model.sides.map((_, i) => i).reverse()) {
      const s = model.sides[n] as Side;
      const { x, y } = curves[n] as { x: Float64Array; y: Float64Array };
      low = Math.min(low, x[0] ?? 0);
      high = Math.max(high, x[x.length - 1] ?? 1);
      layers.push({
        type: 'line',
        name: place === 0 ? s.name : undefined,
        colour: s.colour,
        dash: s.dash,
        x,
        y: y.map((v) => base + (0.86 * v) / peak),
        width: 1.25,
        fillTo: base,
        fillOpacity: n === 0 ? 0.24 : 0.1,
      });
      layers.push({
        type: 'points',
        colour: s.colour,
        x: [expectation(s.attributes[m] as Float32Array)],
        y: [base],
        radius: 2.5,
        hollow: n > 0,
      });
    }
  });
  return {
    title: 'Attributes',
    x: { label: 'quantiles of the attribute (adjusted)', min: low, max: high },
    y: {
      label: '',
      min: -0.25,
      max: order.length,
      categories: [...order].reverse().map((m) => attributes[m] ?? `attribute ${m}`),
    },
    layers,
    summary: `Distribution of each attribute. ${order
      .slice(0, 6)
      .map(
        (m) =>
          `${attributes[m]}: ${inWords(model, (s) => `mean ${decimals(expectation(s.attributes[m] as Float32Array))}`)}`,
      )
      .join('. ')}.`,
  };
}

/** Bars per attribute of both halves: gate weights, or what they add to the expectation. */
export function attributeBars(
  model: DetailModel,
  title: string,
  label: string,
  values: (s: Side) => readonly number[],
): Plot {
  const order = byStrength(model.own.contributions);
  const places = order.map((_, i) => order.length - 1 - i);
  const pair = model.sides.length > 1;
  const layers: Layer[] = model.sides.map((s, n) => ({
    type: 'bars',
    sideways: true,
    name: s.name,
    colour: s.colour,
    opacity: 0.85,
    at: pair ? places.map((p) => p + (n === 0 ? 0.2 : -0.2)) : places,
    value: order.map((m) => values(s)[m] ?? 0),
    width: pair ? 0.32 : 0.5,
  }));
  const all = model.sides.flatMap((s) => [...values(s)]);
  const low = Math.min(0, ...all);
  const high = Math.max(0, ...all);
  const room = (high - low) * 0.06 || 1;
  return {
    title,
    x: { label, min: low < 0 ? low - room : 0, max: high > 0 ? high + room : 0 },
    y: {
      label: '',
      min: -0.5,
      max: Math.max(order.length - 0.5, 0.5),
      categories: [...order].reverse().map((m) => model.attributes[m] ?? `attribute ${m}`),
    },
    layers: [...layers, { type: 'rule', axis: 'x', value: 0, colour: 'text', opacity: 0.5 }],
    summary: `${title}. ${order
      .slice(0, 6)
      .map(
        (m) =>
          `${model.attributes[m]}: ${inWords(model, (s) => decimals(values(s)[m] ?? Number.NaN))}`,
      )
      .join('. ')}.`,
  };
}

const byStrength = (contributions: readonly number[]): number[] =>
  contributions
    .map((_, m) => m)
    .sort((a, b) => Math.abs(contributions[b] ?? 0) - Math.abs(contributions[a] ?? 0) || a - b);
