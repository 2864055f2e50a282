import { cellOpacity, type DensityGrid } from '../data/density.js';
import { legible, parseColour, withOpacity } from './colour.js';
import {
  legendOf,
  type DensityLayer,
  type DiagonalLayer,
  type Plot,
  type RuleLayer,
} from './plot.js';
import type { PlotChart } from './plot-chart.js';
import type { Theme } from './theme.js';

/** Pictures of density grids: made once for each grid and colour, drawn at every frame. */
const pictures = new WeakMap<DensityGrid, { key: string; canvas: HTMLCanvasElement }>();

function picture(grid: DensityGrid, colour: string, opacity: number, floor: number) {
  const key = `${colour} ${opacity} ${floor}`;
  const known = pictures.get(grid);
  if (known?.key === key) return known.canvas;
  const canvas = document.createElement('canvas');
  canvas.width = grid.columns;
  canvas.height = grid.rows;
  const context = canvas.getContext('2d');
  if (context) {
    const { r, g, b } = parseColour(colour) ?? { r: 128, g: 128, b: 128 };
    const image = context.createImageData(grid.columns, grid.rows);
    for (let i = 0; i < grid.counts.length; i++) {
      const count = grid.counts[i] as number;
      if (count === 0) continue;
      image.data[4 * i] = r;
      image.data[4 * i + 1] = g;
      image.data[4 * i + 2] = b;
      image.data[4 * i + 3] = 255 * opacity * cellOpacity(count, grid.peak, floor);
    }
    context.putImageData(image, 0, 0);
  }
  pictures.set(grid, { key, canvas });
  return canvas;
}

export function drawDensity(chart: PlotChart, layer: DensityLayer, theme: Theme): void {
  const { x, y } = chart.scales;
  if (!x || !y) return;
  const { box, grid } = layer;
  const left = x.getPixelForValue(box.xMin);
  const right = x.getPixelForValue(box.xMax);
  const top = y.getPixelForValue(box.yMax);
  const bottom = y.getPixelForValue(box.yMin);
  const context = chart.ctx;
  context.imageSmoothingEnabled = false;
  const image = picture(
    grid,
    theme.colours[layer.colour],
    layer.opacity ?? 1,
    theme.highContrast ? 0.55 : 0.28,
  );
  context.drawImage(image, left, top, right - left, bottom - top);
}

export function drawDiagonal(chart: PlotChart, layer: DiagonalLayer, theme: Theme): void {
  const { x, y } = chart.scales;
  if (!x || !y) return;
  const low = Math.max(x.min, y.min);
  const high = Math.min(x.max, y.max);
  if (low >= high) return;
  const context = chart.ctx;
  context.strokeStyle = withOpacity(theme.colours[layer.colour], layer.opacity ?? 1);
  context.lineWidth = 1;
  context.setLineDash([2, 4]);
  context.beginPath();
  context.moveTo(x.getPixelForValue(low), y.getPixelForValue(low));
  context.lineTo(x.getPixelForValue(high), y.getPixelForValue(high));
  context.stroke();
  context.setLineDash([]);
  if (!layer.label) return;
  // Near the upper end: the corner above the line is free, since a left tail lies below the mean.
  context.font = `10.5px ${theme.font}`;
  context.fillStyle = theme.colours.dim;
  const at = low + (high - low) * 0.86;
  const px = x.getPixelForValue(at);
  const py = y.getPixelForValue(at) - 4;
  const { left, top } = chart.chartArea;
  const wide = context.measureText(layer.label).width + 6;
  // Where the corner is too small the label stands behind the line's end, in the plot all the same.
  if (px - 8 < left + wide || py < top + 10) {
    context.fillText(layer.label, x.getPixelForValue(high) + 6, top + 10);
    return;
  }
  context.textAlign = 'right';
  context.fillText(layer.label, px - 8, py);
  context.textAlign = 'left';
}

/** Right of the rule, else left of it; over it where neither side has room. */
function beside(
  at: number,
  wide: number,
  { left, right }: { left: number; right: number },
): number {
  if (at + 4 + wide <= right) return at + 4;
  return Math.max(at - 4 - wide, Math.min(left + 2, right - wide));
}

export function drawRule(chart: PlotChart, layer: RuleLayer, theme: Theme): void {
  const { x, y } = chart.scales;
  const area = chart.chartArea;
  const scale = layer.axis === 'x' ? x : y;
  if (!scale || !(layer.value >= scale.min && layer.value <= scale.max)) return;
  const context = chart.ctx;
  const at = Math.round(scale.getPixelForValue(layer.value)) + 0.5;
  const colour = theme.colours[layer.colour];
  context.strokeStyle = withOpacity(colour, layer.opacity ?? 1);
  context.lineWidth = theme.highContrast ? 2 : 1;
  context.setLineDash([...(layer.dash ?? [])]);
  context.beginPath();
  if (layer.axis === 'x') {
    context.moveTo(at, area.top);
    context.lineTo(at, area.bottom);
  } else {
    context.moveTo(area.left, at);
    context.lineTo(area.right, at);
  }
  context.stroke();
  context.setLineDash([]);
  if (layer.label === undefined) return;
  context.font = `10.5px ${theme.font}`;
  const wide = context.measureText(layer.label).width;
  const line = 13 * (layer.level ?? 0);
  const [tx, ty] =
    layer.axis === 'x'
      ? [beside(at, wide, area), area.top + 10 + line]
      : [area.right - wide - 4, at - 5 < area.top + 10 ? at + 12 : at - 5];
  // A ground behind the letters keeps them readable over bars and points.
  context.fillStyle = withOpacity(theme.colours.ground, 0.9);
  context.fillRect(tx - 2, ty - 9, wide + 4, 12);
  context.fillStyle = legible(colour, theme.colours.ground, theme.colours.text);
  context.fillText(layer.label, tx, ty);
}

/** Title and legend of an exported picture, in its top 30 pixels. */
export function drawHead(
  context: CanvasRenderingContext2D,
  plot: Plot,
  theme: Theme,
  width: number,
): void {
  context.fillStyle = theme.colours.text;
  context.font = `600 13px ${theme.font}`;
  context.fillText(plot.title, 10, 20);
  context.font = `11px ${theme.font}`;
  let right = width - 10;
  for (const { name, colour, opacity, dashed } of legendOf(plot).reverse()) {
    right -= context.measureText(name).width;
    context.fillStyle = theme.colours.dim;
    context.fillText(name, right, 20);
    right -= 16;
    context.fillStyle = withOpacity(theme.colours[colour], Math.max(opacity, 0.35));
    if (dashed) for (const x of [0, 4, 8]) context.fillRect(right + x, 14, 3, 3);
    else context.fillRect(right, 11, 10, 10);
    right -= 12;
  }
}
