import type { Contributions } from '../../../server/src/protocol.js';
import { padded, shortCount, type Layer, type Plot } from '../charts/plot.js';
import type { Role } from '../charts/theme.js';
import type { Selection } from '../data/brush.js';
import { densityGrid, type Box, type DensityGrid } from '../data/density.js';
import type { Document } from '../data/documents.js';
import { commonBins, countInto, type Bins } from '../data/histogram.js';
import type { MeasureName } from '../data/responses.js';
import { count, figure, percent, plural, tailName } from '../data/visible.js';

export type Selections = readonly (Selection | undefined)[];

/** The first document has the figure's own colour, one compared with it another. */
const second: Role = 'other';
/** More points than this are drawn as a density. */
export const MOST_POINTS = 2500;

export function binsOf(documents: readonly Document[], measure: MeasureName, atMost = 80): Bins {
  const bins = commonBins(documents.map((d) => d.histograms[measure].bins(atMost)));
  // An empty bin at either end keeps outer bars off the frame.
  return {
    start: bins.start - bins.width,
    width: bins.width,
    counts: new Float64Array(bins.counts.length + 2),
  };
}

interface HistogramOptions {
  readonly measure: MeasureName;
  readonly title: string;
  readonly label: string;
  readonly colour: Role;
  readonly colourOf?: (at: number) => Role;
  readonly rules: readonly Layer[];
  readonly noun: string;
}

/** Counts of one document; shares of each when two are compared. */
export function histogramPlot(
  documents: readonly Document[],
  selections: Selections,
  options: HistogramOptions,
): Plot {
  const { measure, noun } = options;
  const bins = binsOf(documents, measure);
  const compared = documents.length > 1;
  // Compared files have the colours of their names in the page's head.
  const colour: Role = compared ? 'expectation' : options.colour;
  const colourOf = compared ? undefined : options.colourOf;
  const at = Float64Array.from(bins.counts, (_, b) => bins.start + (b + 0.5) * bins.width);
  const layers: Layer[] = [];
  let peak = 0;
  documents.forEach((d, n) => {
    const values = d.responses[measure].subarray(0, d.responses.length);
    const total = Math.max(d.histograms[measure].total, 1);
    const scale = compared ? 1 / total : 1;
    const selection = selections[n];
    const all = d.histograms[measure].countsIn(bins).map((c) => c * scale);
    for (const c of all) peak = Math.max(peak, c);
    const name = compared ? d.name : selection ? 'all' : noun;
    if (n === 0) {
      const opacity = selection || compared ? 0.38 : 0.85;
      layers.push({
        type: 'bars',
        name,
        colour,
        opacity,
        at,
        value: all,
        width: bins.width,
        colourOf,
      });
    } else {
      layers.push({ type: 'line', name, colour: second, ...steps(bins, all), width: 1.5 });
    }
    if (selection) {
      const value = countInto(bins, values, selection.keep).map((c) => c * scale);
      const role = n === 0 ? colour : second;
      layers.push({
        type: 'bars',
        name: compared ? undefined : 'brushed',
        colour: role,
        opacity: compared ? 0.8 : 0.95,
        at,
        value,
        width: bins.width,
        colourOf: n === 0 ? colourOf : undefined,
      });
    }
  });
  layers.push(...options.rules);
  const end = bins.start + bins.width * bins.counts.length;
  return {
    title: options.title,
    x: { label: options.label, min: bins.start, max: end },
    y: {
      label: compared ? 'share' : noun,
      min: 0,
      max: peak * 1.12 || 1,
      format: compared ? (v) => percent(v, 0) : shortCount,
    },
    layers,
    legend: !compared,
    summary: documents.map((d) => histogramSummary(d, options)).join(' '),
  };
}

function histogramSummary(d: Document, { measure, title, noun }: HistogramOptions): string {
  const h = d.histograms[measure];
  if (h.total === 0) return `${title} of ${d.name}: nothing is scored yet.`;
  const q = (p: number) => figure(h.quantile(p));
  return `${title} of ${d.name}: ${count(h.total)} ${noun} from ${q(0)} to ${q(1)}, mean ${figure(h.mean)}, median ${q(0.5)}, lowest 5 % at or below ${q(0.05)}.`;
}

/** The outline of bars as one line. */
export function steps(bins: Bins, value: ArrayLike<number>): { x: number[]; y: number[] } {
  const x: number[] = [];
  const y: number[] = [];
  for (let b = 0; b < value.length; b++) {
    x.push(bins.start + b * bins.width, bins.start + (b + 1) * bins.width);
    y.push(value[b] as number, value[b] as number);
  }
  return { x, y };
}

export function expectationPlot(documents: readonly Document[], selections: Selections): Plot {
  return histogramPlot(documents, selections, {
    measure: 'expectation',
    title: 'Expectation',
    label: 'expected reward',
    colour: 'expectation',
    rules: documents.length === 1 ? meanRule(documents[0] as Document, 'expectation') : [],
    noun: 'responses',
  });
}

export function tailPlot(documents: readonly Document[], selections: Selections): Plot {
  const name = tailName(documents[0]?.summary.tau ?? 0.05);
  return histogramPlot(documents, selections, {
    measure: 'tail',
    title: `Left tail (${name})`,
    label: `${name} of the reward`,
    colour: 'tail',
    rules: limitRules(documents, 'x'),
    noun: 'responses',
  });
}

export function marginPlot(documents: readonly Document[], selections: Selections): Plot {
  return histogramPlot(documents, selections, {
    measure: 'margin',
    title: 'Margin of pairs',
    label: 'expectation of chosen − rejected',
    colour: 'chosen',
    colourOf: (at) => (at < 0 ? 'rejected' : 'chosen'),
    rules: [{ type: 'rule', axis: 'x', value: 0, colour: 'text', opacity: 0.7 }],
    noun: 'pairs',
  });
}

function meanRule(d: Document, measure: MeasureName): Layer[] {
  const { mean } = d.histograms[measure];
  if (Number.isNaN(mean)) return [];
  return [
    {
      type: 'rule',
      axis: 'x',
      value: mean,
      colour: 'text',
      dash: [4, 3],
      opacity: 0.8,
      label: `mean ${figure(mean)}`,
    },
  ];
}

/** Where the rule low-left-tail begins to report. */
function limitRules(documents: readonly Document[], axis: 'x' | 'y'): Layer[] {
  return documents.flatMap((d, n): Layer[] => {
    const limit = d.summary.thresholds.find((t) => t.code === 'low-left-tail');
    if (limit?.value == null || !Number.isFinite(limit.value)) return [];
    const label = `reported at or below ${figure(limit.value)}`;
    return [
      {
        type: 'rule',
        axis,
        value: limit.value,
        colour: n === 0 ? 'text' : second,
        dash: [4, 3],
        opacity: 0.8,
        label,
        level: n,
      },
    ];
  });
}

export function scatterBox(documents: readonly Document[]): Box {
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
  const name = tailName(documents[0]?.summary.tau ?? 0.05);
  const layers: Layer[] = [
    { type: 'diagonal', colour: 'text', opacity: 0.5, label: `${name} = expectation` },
  ];
  documents.forEach((d, n) => {
    const colour: Role = n === 0 ? 'expectation' : second;
    const selection = selections[n];
    const label = documents.length > 1 ? d.name : undefined;
    layers.push(cloud(d, box, columns, rows, colour, selection ? 0.3 : 0.9, label));
    if (selection) layers.push(cloud(d, box, columns, rows, colour, 1, undefined, selection));
  });
  layers.push(...limitRules(documents, 'y'));
  const lines = documents.map((d) => {
    const { expectation: e, tail: t } = d.histograms;
    if (e.total === 0) return `${d.name}: nothing is scored yet.`;
    return `${d.name}: ${plural(e.total, 'response')}; the expectation lies ${figure(e.mean - t.mean)} above ${name} on average.`;
  });
  return {
    title: `Expectation against ${name}`,
    x: { label: 'expected reward', min: box.xMin, max: box.xMax },
    y: { label: name, min: box.yMin, max: box.yMax },
    layers,
    legend: false,
    summary: `Each response by expectation and left tail. ${lines.join(' ')}`,
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

export interface ContributionSeries {
  readonly name: string;
  readonly attributes: readonly string[];
  readonly contributions: Contributions;
}

/** Attributes by the size of their mean contribution in the first series, the strongest on top. */
export function contributionsPlot(series: readonly ContributionSeries[]): Plot {
  const [first] = series;
  const order = (first?.contributions.mean ?? [])
    .map((mean, m) => ({ mean, m }))
    .sort((a, b) => Math.abs(b.mean) - Math.abs(a.mean))
    .map(({ m }) => first?.attributes[m] ?? `attribute ${m}`);
  const places = order.map((_, i) => order.length - 1 - i);
  const side = series.length > 1;
  const layers = series.map(({ name, attributes, contributions }, n): Layer => {
    const value = order.map((a) => contributions.mean[attributes.indexOf(a)] ?? 0);
    return {
      type: 'bars',
      sideways: true,
      name,
      colour: n === 0 || name === 'brushed' ? 'expectation' : second,
      opacity: n === 0 && side ? 0.5 : 0.9,
      at: side ? places.map((p) => p + (n === 0 ? 0.2 : -0.2)) : places,
      value,
      width: side ? 0.34 : 0.62,
    };
  });
  const values = layers.flatMap((l) => (l.type === 'bars' ? Array.from(l.value) : []));
  const low = Math.min(0, ...values);
  const high = Math.max(0, ...values);
  const room = (high - low) * 0.06 || 1;
  const top = order
    .slice(0, 5)
    .map((a) => {
      const m = first?.attributes.indexOf(a) ?? -1;
      return `${a} ${figure(first?.contributions.mean[m] ?? Number.NaN)}`;
    })
    .join(', ');
  return {
    title: 'Attribute contributions',
    x: { label: 'mean share of the expectation', min: low < 0 ? low - room : 0, max: high + room },
    y: {
      label: '',
      min: -0.5,
      max: Math.max(order.length - 0.5, 0.5),
      categories: [...order].reverse(),
    },
    legend: series.some((x) => x.name === 'brushed'),
    layers: [...layers, { type: 'rule', axis: 'x', value: 0, colour: 'text', opacity: 0.5 }],
    summary: `What each attribute adds to the mean expectation, strongest first: ${top || 'nothing yet'}.`,
  };
}
