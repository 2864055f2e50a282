import { decimals, percent, tailName } from '../../../server/src/protocol/index.js';
import {
  density,
  densityCurve,
  expectation,
  pieces,
  quantileAt,
  support,
} from '../../../server/src/qrm/index.js';
import { padded, type Layer, type LineLayer, type Plot } from '../charts/plot.js';
import { inWords, type DetailModel, type Side } from './model.js';

const CURVE_POINTS = 161;

/** "5 % and 95 %": between them the model predicts. */
function outermost(levels: readonly number[]): string {
  const said = (u: number) => `${+(100 * u).toFixed(1)} %`;
  return `${said(levels[0] ?? 0)} and ${said(levels[levels.length - 1] ?? 1)}`;
}

function range(model: DetailModel): [number, number] {
  const all = model.sides.map((s) => s.sorted);
  return padded(
    Math.min(...all.map((q) => q[0] ?? 0)),
    Math.max(...all.map((q) => q[q.length - 1] ?? 1)),
    0.06,
  );
}

/** Densities laid over each other; the tail below q_tau is filled. */
export function densityPlot(model: DetailModel, tau: number): Plot {
  // Every curve at the places of all: fine where any is narrow, and readable side by side.
  const x = Float64Array.from(
    model.sides.flatMap((s) => [...densityCurve(s.sorted, model.levels, CURVE_POINTS).x]),
  ).sort();
  const curves = model.sides.map((s) => ({ x, y: density(s.sorted, model.levels, x) }));
  const peak = Math.max(...curves.flatMap((c) => Array.from(c.y)), 1e-9);
  const layers: Layer[] = [];
  // The other half lies behind.
  for (const n of model.sides.map((_, i) => i).reverse()) {
    const s = model.sides[n] as Side;
    const curve = curves[n] as { x: Float64Array; y: Float64Array };
    layers.push({
      type: 'line',
      name: s.name,
      colour: s.colour,
      dash: s.dash,
      x: curve.x,
      y: curve.y,
      width: 2,
      fillTo: 0,
      fillOpacity: n === 0 ? 0.2 : 0.1,
    });
  }
  const own = model.own;
  const q = quantileAt(own.sorted, model.levels, tau);
  layers.push(tailFill(curves[0] as { x: Float64Array; y: Float64Array }, q));
  layers.push(
    { type: 'rule', axis: 'x', value: q, colour: 'tail', label: `${tailName(tau)} ${decimals(q)}` },
    {
      type: 'rule',
      axis: 'x',
      value: expectation(own.sorted),
      colour: 'text',
      dash: [4, 3],
      opacity: 0.8,
      label: `mean ${decimals(expectation(own.sorted))}`,
      level: 1,
    },
  );
  return {
    title: 'Density',
    x: { label: 'reward', min: x[0] ?? 0, max: x[x.length - 1] ?? 1 },
    y: { label: 'density', min: 0, max: peak * 1.18, shown: false },
    layers,
    note: `Beyond ${outermost(model.levels)} the model says nothing: drawn as thinly as just inside.`,
    summary: `Density of the reward. ${inWords(model, (s) => `most mass between ${decimals(quantileAt(s.sorted, model.levels, 0.25))} and ${decimals(quantileAt(s.sorted, model.levels, 0.75))}`)}.`,
  };
}

function tailFill(curve: { x: Float64Array; y: Float64Array }, q: number): LineLayer {
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 0; i < curve.x.length; i++) {
    const at = curve.x[i] as number;
    if (at > q) {
      // The cut falls between two points of the curve.
      const before = x[x.length - 1];
      if (before !== undefined && at > before) {
        const share = (q - before) / (at - before);
        y.push((y[y.length - 1] as number) * (1 - share) + (curve.y[i] as number) * share);
        x.push(q);
      }
      break;
    }
    x.push(at);
    y.push(curve.y[i] as number);
  }
  return { type: 'line', colour: 'tail', x, y, bare: true, fillTo: 0, fillOpacity: 0.55 };
}

/** Q(u) over the level: raw quantiles as points, rearranged as a line. */
export function quantilePlot(model: DetailModel, tau: number): Plot {
  const { levels, own } = model;
  const [min, max] = range(model);
  const layers: Layer[] = [];
  const inTail = [0, ...levels.filter((u) => u < tau), tau];
  layers.push({
    type: 'line',
    colour: 'tail',
    x: inTail,
    y: inTail.map((u) => quantileAt(own.sorted, levels, u)),
    bare: true,
    fillTo: min,
    fillOpacity: 0.35,
  });
  for (const s of [...model.sides].reverse()) {
    layers.push({
      type: 'line',
      name: s.name,
      colour: s.colour,
      dash: s.dash,
      x: levels,
      y: s.sorted,
      width: 2,
    });
    // Nothing is claimed beyond the outermost levels: flat, and thinner than what the model gives.
    for (const [ends, q] of [
      [[0, levels[0] ?? 0], s.sorted[0]],
      [[levels[levels.length - 1] ?? 1, 1], s.sorted[s.sorted.length - 1]],
    ] as const)
      layers.push({
        type: 'line',
        colour: s.colour,
        dash: [2, 3],
        x: ends,
        y: [q ?? 0, q ?? 0],
        width: 1,
        opacity: 0.8,
      });
    layers.push({
      type: 'points',
      colour: s.colour,
      x: levels,
      y: s.raw,
      radius: 2.5,
      hollow: true,
      opacity: 0.9,
    });
  }
  layers.push({
    type: 'rule',
    axis: 'x',
    value: tau,
    colour: 'tail',
    label: `τ = ${percent(tau, 1)}`,
  });
  return {
    title: 'Quantile function',
    x: { label: 'level u', min: 0, max: 1 },
    y: { label: 'reward', min, max },
    layers,
    note: `Flat beyond ${outermost(levels)} by construction: the model has no level there.`,
    summary: `Quantile function, points are the model's raw quantiles. ${inWords(model, (s) => `${tailName(tau)} ${decimals(quantileAt(s.sorted, levels, tau))}, median ${decimals(quantileAt(s.sorted, levels, 0.5))}, q95 ${decimals(quantileAt(s.sorted, levels, 0.95))}`)}.`,
  };
}

/** F(x), the integral of the density's pieces: both draw the same tails, dashed where the model has no level. */
export function cdfPlot(model: DetailModel, tau: number): Plot {
  const { levels, own } = model;
  const ends = model.sides.map((s) => support(s.sorted, levels));
  const min = Math.min(...ends.map(([low]) => low));
  const max = Math.max(...ends.map(([, high]) => high));
  const layers: Layer[] = [...model.sides].reverse().flatMap((s): Layer[] => {
    const { edges } = pieces(s.sorted, levels);
    const [low, high] = [edges[0] ?? min, edges[edges.length - 1] ?? max];
    const [first, last] = [s.sorted[0] ?? 0, s.sorted[s.sorted.length - 1] ?? 0];
    const beyond = {
      type: 'line',
      colour: s.colour,
      dash: [2, 3],
      width: 1,
      opacity: 0.8,
    } as const;
    return [
      {
        type: 'line',
        name: s.name,
        colour: s.colour,
        dash: s.dash,
        width: 2,
        x: s.sorted,
        y: levels,
      },
      { ...beyond, x: [min, low, first], y: [0, 0, levels[0] ?? 0] },
      { ...beyond, x: [last, high, max], y: [levels[levels.length - 1] ?? 1, 1, 1] },
    ];
  });
  const q = quantileAt(own.sorted, levels, tau);
  layers.push(
    { type: 'rule', axis: 'y', value: tau, colour: 'tail', dash: [4, 3], opacity: 0.8 },
    { type: 'rule', axis: 'x', value: q, colour: 'tail', label: `${tailName(tau)} ${decimals(q)}` },
  );
  return {
    title: 'Distribution function',
    x: { label: 'reward', min, max },
    y: { label: 'P(r ≤ x)', min: 0, max: 1.04, format: (v) => percent(v, 0) },
    layers,
    note: `Dashed beyond ${outermost(levels)}: the tails of the density, of which the model says nothing.`,
    summary: `Distribution function of the reward. ${inWords(model, (s) => `half lies below ${decimals(quantileAt(s.sorted, levels, 0.5))}`)}.`,
  };
}
