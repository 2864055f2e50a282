import type { ChartDataset, Point, ScriptableContext } from 'chart.js';
import { withOpacity } from './colour.js';
import type { Layer } from './plot.js';
import type { Role, Theme } from './theme.js';

function points(x: ArrayLike<number>, y: ArrayLike<number>): Point[] {
  return Array.from(x, (at, i) => ({ x: at, y: y[i] as number }));
}

/** The distance that Chart.js measures the bars' thickness by: between neighbours, at most one place. */
export function barSpacing(layers: readonly Layer[]): number {
  const all = layers.flatMap((l) => (l.type === 'bars' && l.sideways ? Array.from(l.at) : []));
  all.sort((a, b) => a - b);
  return all.reduce((least, at, i) => {
    const gap = i === 0 ? 0 : at - (all[i - 1] as number);
    return gap > 1e-9 ? Math.min(least, gap) : least;
  }, 1);
}

export type PlotDataset = ChartDataset<'scatter' | 'line' | 'bar', Point[]>;

/** The datasets that draw a layer: one, or none for marks drawn by `marks.ts`. */
export function dataset(layer: Layer, theme: Theme, spacing: number): PlotDataset[] {
  // In high contrast nothing is told by a faint tint alone.
  const opacity = Math.max(layer.opacity ?? 1, theme.highContrast ? 0.6 : 0);
  const colour = (role: Role, o = opacity) => withOpacity(theme.colours[role], o);
  switch (layer.type) {
    case 'bars': {
      const { colourOf } = layer;
      const paint = (c: ScriptableContext<'bar'>) => {
        if (!colourOf || !c.parsed) return colour(layer.colour);
        const { x, y } = c.parsed as { x: number; y: number };
        return colour(layer.sideways ? colourOf(y, x) : colourOf(x, y));
      };
      return [
        {
          type: 'bar',
          data: layer.sideways ? points(layer.value, layer.at) : points(layer.at, layer.value),
          indexAxis: layer.sideways ? 'y' : 'x',
          grouped: false,
          categoryPercentage: 1,
          barPercentage: layer.sideways ? layer.width / spacing : 1,
          maxBarThickness: layer.sideways ? 28 : undefined,
          // A hairline between bars; none where bars are thin.
          borderWidth: 0,
          inflateAmount: layer.sideways ? 0 : -0.3,
          backgroundColor: paint,
        } as PlotDataset,
      ];
    }
    case 'line':
      return [
        {
          type: 'line',
          data: points(layer.x, layer.y),
          borderColor: layer.bare ? 'transparent' : colour(layer.colour),
          borderWidth: layer.bare ? 0 : (layer.width ?? 1.5) + (theme.highContrast ? 0.5 : 0),
          borderDash: [...(layer.dash ?? [])],
          borderJoinStyle: 'round',
          backgroundColor: withOpacity(theme.colours[layer.colour], layer.fillOpacity ?? 0.25),
          fill: layer.fillTo === undefined ? false : { value: layer.fillTo },
          pointRadius: 0,
          pointHitRadius: 0,
          pointHoverRadius: layer.name === undefined ? 0 : 3,
          pointHoverBackgroundColor: colour(layer.colour, 1),
          pointHoverBorderWidth: 0,
        } as PlotDataset,
      ];
    case 'points':
      return [
        {
          type: 'scatter',
          data: points(layer.x, layer.y),
          pointRadius: layer.radius,
          pointHoverRadius: layer.radius,
          pointBackgroundColor: layer.hollow ? 'transparent' : colour(layer.colour),
          pointBorderColor: colour(layer.colour),
          pointBorderWidth: layer.hollow ? 1.25 : 0,
        } as PlotDataset,
      ];
    default:
      return [];
  }
}
