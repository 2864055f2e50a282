import type { ThemeKind } from '../protocol.js';
import { cdfAt } from '../qrm/index.js';

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
const WIDTH = 280;
const HEIGHT = 48;
const BINS = 56;

/**
 * The distribution as an SVG: probability mass in equal bins, its q_tau as a line, the mean as a dot.
 * @param sorted ascending quantiles, length K
 */
export function sparkline(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  tail: number,
  mean: number,
  theme: ThemeKind,
): string {
  const { fill, ink, tail: red } = COLOURS[theme];
  const low = sorted[0] ?? 0;
  const high = sorted[sorted.length - 1] ?? 1;
  const pad = Math.max(high - low, 1e-6) * 0.06;
  const [from, to] = [low - pad, high + pad];
  const x = (value: number) => ((WIDTH * (value - from)) / (to - from)).toFixed(1);
  const edges = Array.from({ length: BINS + 1 }, (_, b) =>
    cdfAt(sorted, levels, from + ((to - from) * b) / BINS),
  );
  const mass = edges.slice(1).map((e, b) => Math.max(0, e - (edges[b] ?? 0)));
  const peak = Math.max(...mass, 1e-9);
  const step = WIDTH / BINS;
  const bars = mass
    .map((m, b) => {
      const h = (HEIGHT * m) / peak;
      return h < 0.05
        ? ''
        : `M${(b * step).toFixed(1)} ${HEIGHT}v-${h.toFixed(1)}h${(step - 0.8).toFixed(1)}v${h.toFixed(1)}z`;
    })
    .join('');
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT + 16}" viewBox="0 0 ${WIDTH} ${HEIGHT + 16}">` +
    `<path fill="${fill}" fill-opacity=".8" d="${bars}"/><path stroke="${ink}" d="M0 ${HEIGHT}.5H${WIDTH}"/>` +
    `<path stroke="${red}" stroke-width="2" d="M${x(tail)} 2V${HEIGHT + 3}"/>` +
    `<circle cx="${x(mean)}" cy="${HEIGHT}" r="3" fill="${ink}"/>` +
    `<g fill="${ink}" font-family="sans-serif" font-size="10"><text y="${HEIGHT + 13}">${low.toFixed(2)}</text>` +
    `<text x="${WIDTH}" y="${HEIGHT + 13}" text-anchor="end">${high.toFixed(2)}</text></g></svg>`
  );
}

/** As Markdown. */
export const image = (svg: string, alt: string): string =>
  `![${alt}](data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')})`;
