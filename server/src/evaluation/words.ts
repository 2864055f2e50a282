import { count, decimals, plural } from '../protocol/index.js';
import type {
  Difference,
  Estimate,
  EvaluationResult,
  RowResult,
  SuiteResult,
} from '../protocol/index.js';
import { PUBLISHED, type Published } from './suites/published.js';

/** A share as percent with one digit; a dash where nothing is known. */
export const percent = (share: number): string =>
  Number.isNaN(share) ? '–' : (100 * share).toFixed(1);

export const withInterval = ({ value, low, high }: Omit<Estimate, 'name'>): string =>
  Number.isNaN(value) ? '–' : `${percent(value)} (${percent(low)} to ${percent(high)})`;

export const points = (share: number): string =>
  `${share >= 0 ? '+' : '−'}${(100 * Math.abs(share)).toFixed(1)}`;

const pValue = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`);

/** `+2.1 points (0.3 to 4.0), p = 0.020, better`. */
const differenceWords = (d: Difference): string =>
  `${points(d.value)} points (${points(d.low)} to ${points(d.high)}), ${pValue(d.adjusted)}: ${d.verdict}`;

/** The figure that a suite is told by: its own, or that of all items where a part of the data is missing. */
export const mainOf = (row: RowResult): Estimate =>
  Number.isNaN(row.total.value) ? row.accuracy : row.total;

export const publishedFor = ({ suite }: SuiteResult): readonly Published[] =>
  PUBLISHED[suite] ?? [];

/** What a reader must know before the figures, in sentences. */
export function warnings({ rows, notes }: SuiteResult): string[] {
  const out = [...notes];
  for (const row of rows) {
    const parts: string[] = [];
    if (row.unscored > 0)
      parts.push(`${plural(row.unscored, 'item')} without a score (counted as wrong)`);
    if (row.tied > 0) parts.push(plural(row.tied, 'tie'));
    if (row.truncated > 0)
      parts.push(`${plural(row.truncated, 'response')} cut to the model's longest text`);
    if (parts.length > 0) out.push(`${row.name}: ${parts.join(', ')}`);
    const first = Object.entries(row.reasons)[0];
    if (first !== undefined)
      out.push(`${row.name}: not scored ${plural(first[1], 'time')}: ${first[0]}`);
  }
  return out;
}

/** Does the distribution help? One sentence a claim, by what the intervals allow. */
export function distributionWords(row: RowResult): string[] {
  const out: string[] = [];
  if (row.readings.length > 0) {
    const told = row.readings.filter(({ difference }) => difference.verdict !== 'no difference');
    const names = row.readings.map(({ name }) => name).join(', ');
    out.push(
      told.length === 0
        ? `Choosing by ${names} in place of the mean: no difference in accuracy`
        : told.map(({ name, difference: d }) => `Choosing by ${name} is ${d.verdict} than by the mean: ${differenceWords(d)}`).join('; '), // prettier-ignore
    );
  }
  for (const { signal, versusMargin: v } of row.abstention) {
    if (v === undefined) continue;
    out.push(
      `Leaving pairs open by ${signal} rather than by the margin: ${v.verdict} (area under risk-coverage ${signed(v.value)}, ${signed(v.low)} to ${signed(v.high)}, ${pValue(v.adjusted)})`,
    );
  }
  return out;
}

const signed = (x: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(4)}`;

/** The same of raters' disagreement. */
export function disagreementWords({ rated }: EvaluationResult): string[] {
  return rated.flatMap(({ name, attributes }) =>
    attributes.flatMap(({ attribute, disagreement: d }) => {
      if (d === undefined || Number.isNaN(d.width.value)) return [];
      const { width, point } = d;
      const none = width.low <= 0 && width.high >= 0;
      const words = none ? 'no relation' : width.value > 0 ? 'wider where raters differ' : 'narrower where raters differ'; // prettier-ignore
      return `${name}, ${attribute}: width against the raters' variance ${words} (rank correlation ${decimals(width.value)}, ${decimals(width.low)} to ${decimals(width.high)}; a point model's closeness to the middle ${decimals(point.value)}; ${count(d.responses)} responses)`;
    }),
  );
}

/** Comparisons as they are worth saying: totals always, subsets where there is a difference. */
export function comparisonWords({ comparisons }: SuiteResult): string[] {
  const totals = comparisons.filter((c, n) => comparisons.findIndex((d) => d.first === c.first && d.second === c.second) === n); // prettier-ignore
  return totals.map((total) => {
    const { first, second, difference: d } = total;
    const parts = comparisons.filter(
      (c) => c !== total && c.first === first && c.second === second,
    );
    const told = parts.filter((c) => c.difference.verdict !== 'no difference');
    const head = `${first} against ${second}: ${d.verdict === 'no difference' ? 'no difference' : d.verdict} (${total.scope} ${points(d.value)}, ${points(d.low)} to ${points(d.high)}, ${pValue(d.adjusted)})`;
    if (parts.length === 0) return head;
    const list = told.map(
      (c) => `${c.scope} ${points(c.difference.value)} ${c.difference.verdict}`,
    );
    return `${head}; of ${parts.length} subsets ${told.length === 0 ? 'none differs' : `differ: ${list.join(', ')}`}`;
  });
}
