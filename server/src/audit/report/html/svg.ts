import { decimals } from '../../../protocol/index.js';
import type { FigureSummary } from '../distribution.js';
import { drawn, type Report } from '../model.js';

const W = 270;
const H = 66;
const POINTS = 90;
const px = (x: number): string => x.toFixed(1);

/** A response's density: its left tail red, its mean a line, the other half of its pair dashed. */
export function distribution(report: Report, i: number): string {
  const { table } = report.audit;
  const [low, high] = report.axis;
  const at = (reward: number) => (W * (reward - low)) / (high - low);
  const other = table.partner(i);
  const mine = drawn(report, i, POINTS);
  const theirs =
    other !== undefined && table.scored(other) ? drawn(report, other, POINTS) : undefined;
  const peak = Math.max(...mine, ...(theirs ?? []), 1e-12);
  const points = (density: Float64Array) =>
    Array.from(density, (f, p) => [((p + 0.5) * W) / POINTS, H - (0.94 * H * f) / peak] as const);
  const line = (list: readonly (readonly [number, number])[]) =>
    list.map(([x, y], n) => `${n === 0 ? 'M' : 'L'}${px(x)} ${px(y)}`).join('');
  const curve = points(mine);
  const tail = at(table.tail.get(i));
  const left = curve.filter(([x]) => x <= tail);
  const area = (list: typeof curve) =>
    list.length < 2
      ? ''
      : `${line(list)}L${px(list.at(-1)?.[0] ?? 0)} ${H}L${px(list[0]?.[0] ?? 0)} ${H}Z`;
  const mean = px(at(table.expectation.get(i)));
  const needle = (cls: string, x: string) => `<path class="${cls}" d="M${x} ${H - 14}V${H + 4}"/>`;
  const shape = table.levels.length > 1;
  // One number has neither tail nor shape: a mark on the axis, and one for the other half of its pair.
  const drawing = shape
    ? [
        `<path class="area" d="${area(curve)}"/>`,
        `<path class="left" d="${area(left)}"/>`,
        theirs === undefined ? '' : `<path class="other" d="${line(points(theirs))}"/>`,
        `<path class="curve" d="${line(curve)}"/>`,
        needle('tail', px(tail)),
      ]
    : [other === undefined || !theirs ? '' : needle('other', px(at(table.expectation.get(other))))];
  const parts = [
    ...drawing,
    `<path class="axis" d="M0 ${H}.5H${W}"/>${needle('mean', mean)}`,
    `<text x="0" y="${H + 15}">${decimals(low)}</text><text x="${W}" y="${H + 15}" text-anchor="end">${decimals(high)}</text>`,
  ];
  const label = !shape
    ? `Score ${decimals(table.expectation.get(i))}`
    : `Reward distribution: left tail ${decimals(table.tail.get(i))}, mean ${decimals(table.expectation.get(i))}`;
  return `<svg viewBox="0 0 ${W} ${H + 18}" role="img" aria-label="${label}">${parts.join('')}</svg>`;
}

/** Histogram of all left tails (of all scores, where a model gives one number); the bars at or below the limit are red. */
export function tailHistogram({ size, low, high, counts }: FigureSummary, limit: number): string {
  const [width, height, bins] = [1040, 130, counts.length];
  const step = (high - low || 1) / bins;
  const peak = Math.max(...counts, 1);
  const bars = Array.from(counts, (n, b) => {
    const h = (height * n) / peak;
    const left = low + b * step <= limit ? ' left' : '';
    return n === 0
      ? ''
      : `<rect class="bar${left}" x="${px((b * width) / bins)}" y="${px(height - h)}" width="${px(width / bins - 1.5)}" height="${px(h)}" rx="1"><title>${n} from ${decimals(low + b * step)} to ${decimals(low + (b + 1) * step)}</title></rect>`;
  });
  const label = `Histogram of ${size} responses from ${decimals(low)} to ${decimals(high)}`;
  return `<svg viewBox="0 0 ${width} ${height + 20}" role="img" aria-label="${label}">${bars.join('')}<path class="axis" d="M0 ${height}.5H${width}"/><text x="0" y="${height + 16}">${decimals(low)}</text><text x="${width}" y="${height + 16}" text-anchor="end">${decimals(high)}</text></svg>`;
}
