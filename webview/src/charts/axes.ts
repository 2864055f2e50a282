import { withOpacity } from './colour.js';
import { ticks, tickText, type Axis } from './plot.js';
import type { Theme } from './theme.js';

/** Mean width of a letter in the axes' font size, in pixels. */
const LETTER = 6;

/** A category's name in at most half of the chart. */
function shortened(name: string | undefined, width: number): string | undefined {
  const most = Math.max(Math.floor((width / 2 - 16) / LETTER), 6);
  return name === undefined || name.length <= most ? name : `${name.slice(0, most - 1)}…`;
}

/** Chart.js's options for an axis: linear always, with our own ticks, as the SVG has them. */
export function scale(axis: Axis, theme: Theme, side: 'x' | 'y', width: number) {
  const faint = withOpacity(theme.colours.grid, theme.highContrast ? 0.7 : 0.28);
  return {
    type: 'linear' as const,
    min: axis.min,
    max: axis.max,
    display: axis.shown !== false,
    // Bars would shift the axis by half a bar.
    offset: false,
    border: { display: side === 'x', color: withOpacity(theme.colours.grid, 0.8) },
    grid: {
      color: faint,
      drawTicks: false,
      offset: false,
      display: axis.categories === undefined,
      lineWidth: theme.highContrast ? 0.5 : 1,
    },
    title: {
      // Chart.js would squeeze a title that is too long.
      display: axis.label !== '' && side === 'x' && axis.label.length * LETTER < width * 0.85,
      text: axis.label,
      color: theme.colours.dim,
      font: { family: theme.font, size: 11 },
      padding: { top: -3, bottom: 0 },
    },
    ticks: {
      color: theme.colours.dim,
      font: { family: theme.font, size: 10.5 },
      padding: 6,
      maxRotation: 0,
      autoSkip: false,
      callback: (value: number | string, _i: number, all: readonly { value: number }[]) => {
        const v = Number(value);
        return (
          shortened(axis.categories?.[v], width) ??
          axis.format?.(v) ??
          tickText(
            v,
            all.map((t) => t.value),
          )
        );
      },
    },
    afterBuildTicks(made: {
      ticks: { value: number }[];
      chart: { width: number; height: number };
    }) {
      const wanted =
        side === 'x'
          ? Math.min(Math.max(made.chart.width / 75, 2), 8)
          : Math.min(Math.max(made.chart.height / 42, 2), 7);
      made.ticks = (axis.categories?.map((_, i) => i) ?? ticks(axis.min, axis.max, wanted)).map(
        (value) => ({ value }),
      );
    },
  };
}

/** A tooltip that looks like the editor's hover. */
export function tooltipStyle(theme: Theme) {
  const style = getComputedStyle(document.body);
  const variable = (name: string, otherwise: string) =>
    style.getPropertyValue(name).trim() || otherwise;
  const text = variable('--vscode-editorHoverWidget-foreground', theme.colours.text);
  return {
    backgroundColor: variable('--vscode-editorHoverWidget-background', theme.colours.ground),
    borderColor: variable('--vscode-editorHoverWidget-border', theme.colours.grid),
    borderWidth: 1,
    cornerRadius: 3,
    padding: 8,
    caretSize: 0,
    titleColor: text,
    bodyColor: text,
    titleFont: { family: theme.font, size: 11.5, weight: 600 },
    bodyFont: { family: theme.font, size: 11.5 },
  };
}
