import { count, decimals } from '../../../server/src/protocol/index.js';
import { padded, type Axis, type Layer, type Plot } from '../charts/plot.js';
import type { FigureName, WatchModel } from './model.js';

function axis(label: string, values: readonly number[]): Axis {
  let [min, max] = [Infinity, -Infinity];
  for (const v of values) [min, max] = [Math.min(min, v), Math.max(max, v)];
  const [low, high] = padded(min, max, 0.06);
  return { label, min: low, max: high };
}

const steps = (values: readonly number[]): Axis => ({
  ...axis('step', values),
  format: (v) => count(Math.round(v)),
});

/** First and last tenth, so that one noisy step is no trend. */
function drift(y: readonly number[]): string {
  const n = Math.max(1, Math.floor(y.length / 10));
  const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
  return `${decimals(mean(y.slice(0, n)))} at the beginning, ${decimals(mean(y.slice(-n)))} now`;
}

/** Where alarms began. */
const alarms = ({ alarms }: WatchModel): Layer[] =>
  alarms.map(({ step }) => ({
    type: 'rule',
    axis: 'x',
    value: step,
    colour: 'rejected',
    dash: [3, 3],
  }));

/** Mean and left tail over steps: the picture of a policy that learns to please on average. */
export function tailPlot(model: WatchModel): Plot | undefined {
  const { centre } = model;
  const [high, low] = [model.series('step', centre), model.series('step', 'q05')];
  if (high.x.length + low.x.length === 0) return undefined;
  const line = (name: string, colour: 'expectation' | 'tail', { x, y }: typeof high): Layer[] =>
    x.length === 0 ? [] : [{ type: 'line', name, colour, x, y, width: 1.8 }];
  const said = [
    ...(high.y.length > 0 ? [`${centre}: ${drift(high.y)}.`] : []),
    ...(low.y.length > 0 ? [`q05: ${drift(low.y)}.`] : []),
  ];
  return {
    title: low.x.length > 0 ? 'Left tail over steps' : 'Reward over steps',
    x: steps([...high.x, ...low.x]),
    y: axis('', [...high.y, ...low.y]),
    layers: [...alarms(model), ...line(centre, 'expectation', high), ...line('q05', 'tail', low)],
    ...(model.alarms.length > 0 && { note: 'Dashed: where an alarm began' }),
    summary: `Over ${count(model.steps.length)} steps. ${said.join(' ')}`,
  };
}

/** A figure over steps, or undefined where the log has none. */
export function stepPlot(model: WatchModel, name: FigureName, label: string): Plot | undefined {
  const { x, y } = model.series('step', name);
  if (x.length === 0) return undefined;
  return {
    title: label,
    x: steps(x),
    y: axis('', y),
    layers: [...alarms(model), { type: 'line', name, colour: 'other', x, y, width: 1.8 }],
    legend: false,
    summary: `${label}: ${drift(y)}.`,
  };
}

/** Reward against length, a point for each step: where they lie on a line, length is what is rewarded. */
export function lengthPlot(model: WatchModel): Plot | undefined {
  const { centre } = model;
  const { x, y } = model.series('length', centre);
  if (x.length === 0) return undefined;
  const half = Math.floor(x.length / 2);
  const points = (
    name: string,
    colour: 'dim' | 'expectation',
    from: number,
    to: number,
  ): Layer => ({
    type: 'points',
    name,
    colour,
    x: x.slice(from, to),
    y: y.slice(from, to),
    radius: 3,
  });
  return {
    title: `${centre === 'mean' ? 'Mean' : 'Reward'} against length`,
    x: axis('mean length of a step', x),
    y: axis('', y),
    layers: [
      points('earlier steps', 'dim', 0, half),
      points('later steps', 'expectation', half, x.length),
    ],
    summary: `A point for each step. Length: ${drift(x)}. ${centre}: ${drift(y)}.`,
  };
}
