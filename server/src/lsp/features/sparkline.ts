import { bandwidth, density, grid, support } from '../../qrm/index.js';
import { decimals, type ThemeKind } from '../../protocol/index.js';

interface Colours {
  readonly fill: string;
  readonly ink: string;
  readonly tail: string;
}

/** An image in a hover sees no CSS variable of the editor: colours by the kind of theme. */
const COLOURS: Readonly<Record<ThemeKind, Colours>> = {
  dark: { fill: '#6ea8fe', ink: '#9da5b4', tail: '#ff8a65' },
  light: { fill: '#2f6fde', ink: '#5c6370', tail: '#c4320a' },
  'high-contrast': { fill: '#3ff23f', ink: '#ffffff', tail: '#ffff00' },
  'high-contrast-light': { fill: '#0f4a85', ink: '#000000', tail: '#b5200d' },
};
const WIDTH = 320;
const HEIGHT = 52;
const POINTS = 80;

export interface Drawing {
  /** Ascending quantiles at `levels`, length K. */
  readonly sorted: ArrayLike<number>;
  readonly levels: readonly number[];
  readonly tail: number;
  readonly mean: number;
  /** The other half of the pair, dashed. */
  readonly other?: ArrayLike<number>;
}

/** The density of a response as an SVG: its left tail in red up to q_tau, its mean as a dot. */
export function sparkline(d: Drawing, theme: ThemeKind): string {
  const { fill, ink, tail: red } = COLOURS[theme];
  const all = [d.sorted, ...(d.other ? [d.other] : [])];
  const low = Math.min(...all.map((q) => (q[0] ?? 0) - bandwidth(q, d.levels)));
  const high = Math.max(...all.map((q) => (q[q.length - 1] ?? 0) + bandwidth(q, d.levels)));
  const xs = Float64Array.from(
    { length: POINTS },
    (_, n) => low + ((high - low) * n) / (POINTS - 1),
  );
  const mine = density(d.sorted, d.levels, xs);
  const theirs = d.other && density(d.other, d.levels, xs);
  const peak = Math.max(...mine, ...(theirs ?? []), 1e-12);
  const x = (reward: number) => ((WIDTH * (reward - low)) / (high - low)).toFixed(1);
  const points = (f: Float64Array) =>
    Array.from(f, (v, n) => [x(xs[n] ?? 0), (HEIGHT - (0.94 * HEIGHT * v) / peak).toFixed(1)]);
  const line = (list: readonly (readonly string[])[]) =>
    `M${list.map((p) => p.join(' ')).join('L')}`;
  const area = (list: readonly (readonly string[])[]) =>
    list.length < 2 ? '' : `${line(list)}L${list.at(-1)?.[0]} ${HEIGHT}L${list[0]?.[0]} ${HEIGHT}Z`;
  const curve = points(mine);
  const left = curve.filter((_, n) => (xs[n] ?? 0) <= d.tail);
  const height = HEIGHT + 17;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" fill="none">`,
    `<path fill="${fill}" fill-opacity=".45" d="${area(curve)}"/><path fill="${red}" fill-opacity=".9" d="${area(left)}"/>`,
    theirs ? `<path stroke="${ink}" stroke-dasharray="4 3" d="${line(points(theirs))}"/>` : '',
    `<path stroke="${fill}" stroke-width="1.5" d="${line(curve)}"/><path stroke="${ink}" d="M0 ${HEIGHT}.5H${WIDTH}"/>`,
    `<path stroke="${red}" stroke-width="2" d="M${x(d.tail)} ${HEIGHT - 14}V${HEIGHT + 4}"/><circle cx="${x(d.mean)}" cy="${HEIGHT}" r="3.5" fill="${ink}"/>`,
    `<g fill="${ink}" font-family="sans-serif" font-size="11"><text y="${HEIGHT + 15}">${decimals(low)}</text>`,
    `<text x="${WIDTH}" y="${HEIGHT + 15}" text-anchor="end">${decimals(high)}</text></g></svg>`,
  ].join('');
}

const BLOCKS = ' ▁▂▃▄▅▆▇█';
const COLUMNS = 40;

/** The density as block characters between its ends, for editors that show no pictures; `|` stands at q_tau. */
export function blocks({ sorted, levels, tail }: Drawing): string {
  const h = bandwidth(sorted, levels);
  const [low, high] = support(sorted, levels, h);
  const xs = grid(low, high, COLUMNS);
  const y = density(sorted, levels, xs, h);
  const peak = Math.max(...y, 1e-12);
  const at = Math.round(((tail - low) / (high - low || 1)) * (COLUMNS - 1));
  const bars = Array.from(y, (v) => BLOCKS[Math.round((8 * v) / peak)] ?? ' ');
  const mark = `${' '.repeat(Math.min(Math.max(at, 0), COLUMNS - 1))}^`;
  const ends = [decimals(low), decimals(high)];
  const pad = ' '.repeat((ends[0] ?? '').length + 1);
  return `${ends[0]} ${bars.join('')} ${ends[1]}\n${pad}${mark} left tail`;
}

/** As Markdown. */
export const image = (svg: string, alt: string): string =>
  `![${alt}](data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')})`;
