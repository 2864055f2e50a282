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
  type ChartOptions,
  type Plugin,
  type Point,
} from 'chart.js';
import { scale, tooltipStyle } from './axes.js';
import { barSpacing, dataset } from './datasets.js';
import { drawDensity, drawDiagonal, drawHead, drawRule } from './marks.js';
import type { PlotChart } from './plot-chart.js';
import type { Layer, Plot } from './plot.js';
import type { Theme } from './theme.js';

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
    options.scales = this.scales(plot, theme, this.chart.width);
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

  private scales(plot: Plot, theme: Theme, width: number) {
    return { x: scale(plot.x, theme, 'x', width), y: scale(plot.y, theme, 'y', width) };
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
      onResize: ({ options }, { width }) => {
        if (this.plot && this.theme) options.scales = this.scales(this.plot, this.theme, width);
      },
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
          filter: (item) => this.isNamed(item.datasetIndex),
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

  /** Whether the series at this place of the chart has a name, and so a tooltip. */
  isNamed(dataset: number): boolean {
    return this.layerOf(dataset)?.name !== undefined;
  }

  /** Datasets are the layers that Chart.js draws, in their order. */
  private layerOf(index: number): Layer | undefined {
    return this.plot?.layers.filter(isDataset)[index];
  }
}

const isDataset = (layer: Layer): boolean =>
  layer.type === 'bars' || layer.type === 'line' || layer.type === 'points';
