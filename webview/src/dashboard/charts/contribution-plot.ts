import { decimals, type Contributions } from '../../../../server/src/protocol/index.js';
import type { Layer, Plot } from '../../charts/plot.js';
import { SECOND } from './series.js';

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
      colour: n === 0 || name === 'brushed' ? 'expectation' : SECOND,
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
      return `${a} ${decimals(first?.contributions.mean[m] ?? Number.NaN)}`;
    })
    .join(', ');
  return {
    title: 'Attribute contributions',
    x: { label: 'share of the mean reward', min: low < 0 ? low - room : 0, max: high + room },
    y: {
      label: '',
      min: -0.5,
      max: Math.max(order.length - 0.5, 0.5),
      categories: [...order].reverse(),
    },
    legend: series.some((x) => x.name === 'brushed'),
    layers: [...layers, { type: 'rule', axis: 'x', value: 0, colour: 'text', opacity: 0.5 }],
    summary: `What each attribute adds to the mean reward, strongest first: ${top || 'nothing yet'}.`,
  };
}
