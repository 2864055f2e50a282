import { count, decimals, percent, tailName } from '../../../../server/src/protocol/index.js';
import { DEFAULT_TAU } from '../../../../server/src/qrm/index.js';
import { shortCount, type Layer, type Plot } from '../../charts/plot.js';
import type { Role } from '../../charts/theme.js';
import type { Document } from '../../data/documents.js';
import { commonBins, countInto, type Bins } from '../../data/histogram.js';
import type { MeasureName } from '../../data/responses.js';
import { limitRules, SECOND, type Selections } from './series.js';

/** Bins drawn: few responses in many bins would look like spikes. */
const LEAST = 8;
const MOST = 80;

export function binsOf(documents: readonly Document[], measure: MeasureName): Bins {
  const bins = commonBins(
    documents.map(({ histograms: { [measure]: h } }) =>
      // Between a half of the limit and all of it come out: around the number that suits.
      h.bins(Math.min(Math.max(Math.round(h.suited() * Math.SQRT2), 2 * LEAST), MOST)),
    ),
  );
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
function histogramPlot(
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
      layers.push({ type: 'line', name, colour: SECOND, ...steps(bins, all), width: 1.5 });
    }
    if (selection) {
      const value = countInto(bins, values, selection.keep).map((c) => c * scale);
      const role = n === 0 ? colour : SECOND;
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
  const q = (p: number) => decimals(h.quantile(p));
  return `${title} of ${d.name}: ${count(h.total)} ${noun} from ${q(0)} to ${q(1)}, mean ${decimals(h.mean)}, median ${q(0.5)}, lowest 5 % at or below ${q(0.05)}.`;
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
    title: 'Mean',
    label: 'mean reward',
    colour: 'expectation',
    rules: documents.length === 1 ? meanRule(documents[0] as Document, 'expectation') : [],
    noun: 'responses',
  });
}

export function tailPlot(documents: readonly Document[], selections: Selections): Plot {
  const name = tailName(documents[0]?.summary.tau ?? DEFAULT_TAU);
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
    label: 'mean of chosen − mean of rejected',
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
      label: `mean ${decimals(mean)}`,
    },
  ];
}
