import { decimals, plural, tailName } from '../../../../server/src/protocol/index.js';
import { DEFAULT_TAU } from '../../../../server/src/qrm/index.js';
import { padded, type Layer, type Plot } from '../../charts/plot.js';
import type { Role } from '../../charts/theme.js';
import type { Selection } from '../../data/brush.js';
import { densityGrid, type Box, type DensityGrid } from '../../data/density.js';
import type { Document } from '../../data/documents.js';
import type { MeasureName } from '../../data/responses.js';
import { limitRules, SECOND, type Selections } from './series.js';

/** More points than this are drawn as a density. */
export const MOST_POINTS = 2500;

function scatterBox(documents: readonly Document[]): Box {
  const ends = (measure: MeasureName): [number, number] => {
    const known = documents.map((d) => d.histograms[measure]).filter((h) => h.total > 0);
    return padded(
      Math.min(...known.map((h) => h.quantile(0))),
      Math.max(...known.map((h) => h.quantile(1))),
    );
  };
  const [xMin, xMax] = ends('expectation');
  const [yMin, yMax] = ends('tail');
  return { xMin, xMax, yMin, yMax };
}

/**
 * @param columns cells across, for a density; a cell is about two pixels.
 */
export function scatterPlot(
  documents: readonly Document[],
  selections: Selections,
  columns: number,
  rows: number,
): Plot {
  const box = scatterBox(documents);
  const name = tailName(documents[0]?.summary.tau ?? DEFAULT_TAU);
  const layers: Layer[] = [
    { type: 'diagonal', colour: 'text', opacity: 0.5, label: `${name} = mean` },
  ];
  documents.forEach((d, n) => {
    const colour: Role = n === 0 ? 'expectation' : SECOND;
    const selection = selections[n];
    const label = documents.length > 1 ? d.name : undefined;
    layers.push(cloud(d, box, columns, rows, colour, selection ? 0.3 : 0.9, label));
    if (selection) layers.push(cloud(d, box, columns, rows, colour, 1, undefined, selection));
  });
  layers.push(...limitRules(documents, 'y'));
  const lines = documents.map((d) => {
    const { expectation: e, tail: t } = d.histograms;
    if (e.total === 0) return `${d.name}: nothing is scored yet.`;
    return `${d.name}: ${plural(e.total, 'response')}; the mean lies ${decimals(e.mean - t.mean)} above ${name} on average.`;
  });
  return {
    title: `Mean against ${name}`,
    x: { label: 'mean reward', min: box.xMin, max: box.xMax },
    y: { label: name, min: box.yMin, max: box.yMax },
    layers,
    legend: false,
    summary: `Each response by mean and left tail. ${lines.join(' ')}`,
  };
}

/** The grid of all points, which does not change while a brush is drawn. */
const grids = new WeakMap<Document, { key: string; grid: DensityGrid }>();
function remembered(
  d: Document,
  parts: unknown,
  selection: Selection | undefined,
  make: () => DensityGrid,
): DensityGrid {
  if (selection !== undefined) return make();
  const key = JSON.stringify([d.version, parts]);
  const known = grids.get(d);
  if (known?.key === key) return known.grid;
  const grid = make();
  grids.set(d, { key, grid });
  return grid;
}

function cloud(
  d: Document,
  box: Box,
  columns: number,
  rows: number,
  colour: Role,
  opacity: number,
  name?: string,
  selection?: Selection,
): Layer {
  const { responses } = d;
  const { length } = responses;
  if (length > MOST_POINTS) {
    const grid = remembered(d, [box, columns, rows], selection, () =>
      densityGrid(
        responses.expectation,
        responses.tail,
        length,
        box,
        columns,
        rows,
        selection?.keep,
      ),
    );
    return { type: 'density', grid, box, colour, opacity, name };
  }
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 0; i < length; i++) {
    const at = responses.expectation[i] as number;
    if (Number.isNaN(at) || (selection && selection.keep[i] === 0)) continue;
    x.push(at);
    y.push(responses.tail[i] as number);
  }
  return { type: 'points', x, y, radius: 2, colour, opacity: opacity * 0.55, name };
}
