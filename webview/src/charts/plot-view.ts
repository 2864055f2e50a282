import {
  BarController,
  BarElement,
  Chart,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  ScatterController,
  Tooltip,
  type ChartDataset,
  type ChartOptions,
  type Plugin,
  type Point,
  type ScriptableContext,
} from 'chart.js';
import { withOpacity } from './colour.js';
import { drawDensity, drawDiagonal, drawHead, drawRule } from './marks.js';
import { ticks, tickText, type Axis, type Layer, type Plot } from './plot.js';
import type { Role, Theme } from './theme.js';

// Only the parts that the figures use: the rest of Chart.js stays out of the bundle.
Chart.register(
  BarController,
  BarElement,
  Filler,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  ScatterController,
  Tooltip,
);

export type PlotChart = Chart<'scatter' | 'line' | 'bar', Point[]>;
export type Overlay = (context: CanvasRenderingContext2D, chart: PlotChart, theme: Theme) => void;

export interface PlotViewOptions {
  /** What hovering shows; `title` heads it. */
  readonly tooltip?: (layer: Layer, x: number, y: number) => string | undefined;
  readonly tooltipTitle?: (x: number, y: number) => string;
  /** Drawn above everything: the brush, the cursor, the selected point. */
  readonly overlay?: Overlay;
}

/** Pixels of a PNG for each on the page, and the height of its title. */
const PNG_SCALE = 3;
const HEAD = 30;

/** Draws a Plot with Chart.js and keeps it up to date in place. */
export class PlotView {
  readonly chart: PlotChart;
  private plot: Plot | undefined;
  private theme: Theme | undefined;

  constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly options: PlotViewOptions = {},
  ) {
    const marks: Plugin<'scatter' | 'line' | 'bar'> = {
      id: 'marks',
      beforeDatasetsDraw: () =>
        this.drawMarks((l) => l.type === 'density' || l.type === 'diagonal'),
      afterDatasetsDraw: () => this.drawMarks((l) => l.type === 'rule', true),
    };
    this.chart = new Chart<'scatter' | 'line' | 'bar', Point[]>(canvas, {
      type: 'scatter',
      data: { datasets: [] },
      options: this.baseOptions(),
      plugins: [marks],
    });
  }

  update(plot: Plot, theme: Theme): void {
    const restyled = theme !== this.theme;
    this.plot = plot;
    this.theme = theme;
    const sideways = plot.layers.some((l) => l.type === 'bars' && l.sideways);
    const spacing = barSpacing(plot.layers);
    // Chart.js draws its first dataset on top; a Plot's last layer is.
    this.chart.data.datasets = plot.layers.flatMap((layer, n) =>
      dataset(layer, theme, spacing).map((d) => ({ ...d, order: -n })),
    );
    const { options } = this.chart;
    options.indexAxis = sideways ? 'y' : 'x';
    if (options.interaction) options.interaction.axis = sideways ? 'y' : 'x';
    options.scales = { x: scale(plot.x, theme, 'x'), y: scale(plot.y, theme, 'y') };
    if (restyled) Object.assign(options.plugins?.tooltip ?? {}, tooltipStyle(theme));
    this.chart.update('none');
  }

  /** Draws again what is there: after the overlay changed. */
  redraw(): void {
    this.chart.draw();
  }

  /** What is drawn, at print resolution over the theme's ground, with title and legend: a data URL. */
  png(): string {
    const { canvas, plot, theme, chart } = this;
    const out = document.createElement('canvas');
    const context = out.getContext('2d');
    if (!context || !plot || !theme) return '';
    const ratio = chart.options.devicePixelRatio;
    chart.options.devicePixelRatio = PNG_SCALE;
    chart.resize();
    out.width = canvas.width;
    out.height = canvas.height + HEAD * PNG_SCALE;
    context.fillStyle = theme.colours.ground;
    context.fillRect(0, 0, out.width, out.height);
    context.drawImage(canvas, 0, HEAD * PNG_SCALE);
    chart.options.devicePixelRatio = ratio;
    chart.resize();
    context.scale(PNG_SCALE, PNG_SCALE);
    drawHead(context, plot, theme, out.width / PNG_SCALE);
    return out.toDataURL('image/png');
  }

  private drawMarks(which: (layer: Layer) => boolean, last = false): void {
    const { plot, theme, chart } = this;
    if (!plot || !theme) return;
    const context = chart.ctx;
    const { left, top, width, height } = chart.chartArea;
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    for (const layer of plot.layers) {
      if (!which(layer)) continue;
      if (layer.type === 'density') drawDensity(chart, layer, theme);
      if (layer.type === 'diagonal') drawDiagonal(chart, layer, theme);
      if (layer.type === 'rule') drawRule(chart, layer, theme);
    }
    if (last) this.options.overlay?.(context, chart, theme);
    context.restore();
  }

  private baseOptions(): ChartOptions<'scatter' | 'line' | 'bar'> {
    const { tooltip, tooltipTitle } = this.options;
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      // The data is in order and complete: no parsing, no normalising.
      parsing: false,
      normalized: true,
      interaction: { mode: 'nearest', axis: 'x', intersect: false },
      events: tooltip ? ['mousemove', 'mouseout', 'touchstart', 'touchmove'] : [],
      layout: { padding: { top: 6, right: 10 } },
      plugins: {
        tooltip: {
          enabled: tooltip !== undefined,
          displayColors: false,
          filter: (item) => this.layerOf(item.datasetIndex)?.name !== undefined,
          callbacks: {
            title: ([item]) =>
              item ? (tooltipTitle?.(item.parsed.x ?? 0, item.parsed.y ?? 0) ?? '') : '',
            label: (item) => {
              const layer = this.layerOf(item.datasetIndex);
              return (layer && tooltip?.(layer, item.parsed.x ?? 0, item.parsed.y ?? 0)) ?? '';
            },
          },
        },
      },
    };
  }

  /** Datasets are the layers that Chart.js draws, in their order. */
  private layerOf(index: number): Layer | undefined {
    return this.plot?.layers.filter(isDataset)[index];
  }
}

const isDataset = (layer: Layer): boolean =>
  layer.type === 'bars' || layer.type === 'line' || layer.type === 'points';

function points(x: ArrayLike<number>, y: ArrayLike<number>): Point[] {
  return Array.from(x, (at, i) => ({ x: at, y: y[i] as number }));
}

/** The distance that Chart.js measures the bars' thickness by: between neighbours, at most one place. */
function barSpacing(layers: readonly Layer[]): number {
  const all = layers.flatMap((l) => (l.type === 'bars' && l.sideways ? Array.from(l.at) : []));
  all.sort((a, b) => a - b);
  return all.reduce((least, at, i) => {
    const gap = i === 0 ? 0 : at - (all[i - 1] as number);
    return gap > 1e-9 ? Math.min(least, gap) : least;
  }, 1);
}

type PlotDataset = ChartDataset<'scatter' | 'line' | 'bar', Point[]>;

function dataset(layer: Layer, theme: Theme, spacing: number): PlotDataset[] {
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

function scale(axis: Axis, theme: Theme, side: 'x' | 'y') {
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
      display: axis.label !== '' && side === 'x',
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
          axis.categories?.[v] ??
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

function tooltipStyle(theme: Theme) {
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
