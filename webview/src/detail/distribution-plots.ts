import { density, densityCurve, expectation, quantileAt } from '../../../server/src/qrm/index.js';
import { padded, type Layer, type LineLayer, type Plot } from '../charts/plot.js';
import { figure, percent, tailName } from '../data/visible.js';
import { inWords, type DetailModel, type Side } from './model.js';

const CURVE_POINTS = 161;

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
    { type: 'rule', axis: 'x', value: q, colour: 'tail', label: `${tailName(tau)} ${figure(q)}` },
    {
      type: 'rule',
      axis: 'x',
      value: expectation(own.sorted),
      colour: 'text',
      dash: [4, 3],
      opacity: 0.8,
      label: `E[r] ${figure(expectation(own.sorted))}`,
      level: 1,
    },
  );
  return {
    title: 'Density',
    x: { label: 'reward', min: x[0] ?? 0, max: x[x.length - 1] ?? 1 },
    y: { label: 'density', min: 0, max: peak * 1.18, shown: false },
    layers,
    summary: `Density of the reward. ${inWords(model, (s) => `most mass between ${figure(quantileAt(s.sorted, model.levels, 0.25))} and ${figure(quantileAt(s.sorted, model.levels, 0.75))}`)}.`,
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
  const xs = [0, ...levels, 1];
  const at = (s: Side) => [s.sorted[0] ?? 0, ...s.sorted, s.sorted[s.sorted.length - 1] ?? 0];
  const inTail = xs.filter((u) => u < tau).concat(tau);
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
      x: xs,
      y: at(s),
      width: 2,
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
    summary: `Quantile function, points are the model's raw quantiles. ${inWords(model, (s) => `${tailName(tau)} ${figure(quantileAt(s.sorted, levels, tau))}, median ${figure(quantileAt(s.sorted, levels, 0.5))}, q95 ${figure(quantileAt(s.sorted, levels, 0.95))}`)}.`,
  };
}

/** F(x), with the jumps that the flat ends of Q mean. */
export function cdfPlot(model: DetailModel, tau: number): Plot {
  const { levels, own } = model;
  const [min, max] = range(model);
  const layers: Layer[] = [...model.sides].reverse().map((s): Layer => {
    const q = [...s.sorted];
    const first = q[0] ?? 0;
    const last = q[q.length - 1] ?? 0;
    return {
      type: 'line',
      name: s.name,
      colour: s.colour,
      dash: s.dash,
      width: 2,
      x: [min, first, ...q, last, max],
      y: [0, 0, ...levels, 1, 1],
    };
  });
  const q = quantileAt(own.sorted, levels, tau);
  layers.push(
    { type: 'rule', axis: 'y', value: tau, colour: 'tail', dash: [4, 3], opacity: 0.8 },
    { type: 'rule', axis: 'x', value: q, colour: 'tail', label: `${tailName(tau)} ${figure(q)}` },
  );
  return {
    title: 'Distribution function',
    x: { label: 'reward', min, max },
    y: { label: 'P(r ≤ x)', min: 0, max: 1.04, format: (v) => percent(v, 0) },
    layers,
    summary: `Distribution function of the reward. ${inWords(model, (s) => `half lies below ${figure(quantileAt(s.sorted, levels, 0.5))}`)}.`,
  };
}
