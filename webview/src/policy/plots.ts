import { decimals } from '../../../server/src/protocol/index.js';
import { objectiveName, type Objective } from '../../../server/src/policy/index.js';
import { padded, type Layer, type Plot } from '../charts/plot.js';
import type { Role } from '../charts/theme.js';
import type { PolicyModel, PolicyPoint, PolicyRow } from './model.js';

/** Of the objectives, in their order. */
export const COLOURS: readonly Role[] = ['expectation', 'tail', 'other', 'rejected'];

type Read = (p: PolicyPoint) => number;

function curves(
  model: PolicyModel,
  rows: readonly PolicyRow[],
  selected: Objective | undefined,
  x: Read,
  y: Read,
): { layers: Layer[]; xs: number[]; ys: number[] } {
  const layers: Layer[] = [];
  const xs: number[] = [];
  const ys: number[] = [];
  rows.forEach(({ objective, point, name }, n) => {
    const colour = COLOURS[n % COLOURS.length] as Role;
    const path = model.curve(objective);
    const [px, py] = [path.map(x), path.map(y)];
    xs.push(...px, x(point));
    ys.push(...py, y(point));
    const chosen = selected !== undefined && objectiveName(selected) === name;
    layers.push({ type: 'line', colour, x: px, y: py, width: chosen ? 3 : 1.8 });
    layers.push({ type: 'points', colour, x: px, y: py, radius: 2 });
    layers.push({
      type: 'points',
      name,
      colour,
      x: [x(point)],
      y: [y(point)],
      radius: chosen ? 7 : 5.5,
    });
  });
  return { layers, xs, ys };
}

/** The left tail against the mean along the path of beta; the large points are at the slider's beta. */
export function frontierPlot(
  model: PolicyModel,
  rows: readonly PolicyRow[],
  selected: Objective | undefined,
): Plot {
  const { layers, xs, ys } = curves(
    model,
    rows,
    selected,
    (p) => p.figures.mean,
    (p) => p.figures.q05,
  );
  const [xMin, xMax] = padded(Math.min(...xs), Math.max(...xs), 0.06);
  const [yMin, yMax] = padded(Math.min(...ys), Math.max(...ys), 0.08);
  return {
    title: 'Left tail against mean',
    x: { label: 'mean reward', min: xMin, max: xMax },
    y: { label: 'q05', min: yMin, max: yMax },
    layers,
    summary: `From the reference (mean ${decimals(model.reference.figures.mean)}, q05 ${decimals(model.reference.figures.q05)}) along the path of beta. ${inWords(rows)}`,
  };
}

/** What a nat of KL buys of the left tail. */
export function klPlot(
  model: PolicyModel,
  rows: readonly PolicyRow[],
  selected: Objective | undefined,
): Plot {
  const { layers, xs, ys } = curves(
    model,
    rows,
    selected,
    (p) => p.kl,
    (p) => p.figures.q05,
  );
  const [yMin, yMax] = padded(Math.min(...ys), Math.max(...ys), 0.08);
  return {
    title: 'Left tail over KL',
    x: { label: 'KL from the reference, nats', min: 0, max: Math.max(...xs, 1e-6) * 1.04 },
    y: { label: 'q05', min: yMin, max: yMax },
    layers,
    legend: false,
    summary: `q05 over the KL that is paid for it. ${inWords(rows)}`,
  };
}

const inWords = (rows: readonly PolicyRow[]): string =>
  rows
    .map(
      ({ name, point }) =>
        `${name}: mean ${decimals(point.figures.mean)}, q05 ${decimals(point.figures.q05)} at ${decimals(point.kl, 2)} nats.`,
    )
    .join(' ');

/** Where a curve from the reference has these KLs, between its points. */
export function klMarks(
  path: readonly PolicyPoint[],
  kls: readonly number[] = [0.1, 0.25, 0.5, 1, 1.5, 2, 3],
): { kl: number; at: { mean: number; q05: number } }[] {
  return kls.flatMap((kl) => {
    const n = path.findIndex((p) => p.kl >= kl);
    const [a, b] = [path[n - 1], path[n]];
    if (a === undefined || b === undefined) return [];
    const share = (kl - a.kl) / (b.kl - a.kl);
    const between = (read: Read): number => read(a) + share * (read(b) - read(a));
    return [
      { kl, at: { mean: between((p) => p.figures.mean), q05: between((p) => p.figures.q05) } },
    ];
  });
}
