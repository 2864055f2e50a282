import { PlotView, type PlotViewOptions } from '../charts/plot-view.js';
import { addReadout } from '../charts/readout.js';
import { legendOf, type LegendEntry, type Plot } from '../charts/plot.js';
import { svg } from '../charts/svg.js';
import type { Theme } from '../charts/theme.js';
import { csv, type Cell } from '../data/csv.js';
import { el } from './dom.js';
import { menuButton } from './menu.js';

export type ExportFormat = 'png' | 'svg' | 'csv';
export type OnExport = (format: ExportFormat, name: string, data: string) => void;

export interface ChartFrameOptions extends PlotViewOptions {
  /** Short, for file names. */
  readonly name: string;
  readonly className?: string;
  /** How the keyboard works on the canvas; absent, unless it reads out: it takes no focus. */
  readonly keys?: string;
  /** Arrow keys read the chart out point by point, with its tooltip. */
  readonly readout?: boolean;
  readonly onExport: OnExport;
}

const READOUT_KEYS = 'Arrow keys read it out point by point, with Shift ten at a time.';

let ids = 0;

/** A titled chart with its legend, its summary in words and its exports. */
export class ChartFrame {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly view: PlotView;
  private readonly keys: string | undefined;
  private readonly heading = el('h2');
  private readonly legend = el('ul', { class: 'legend', 'aria-hidden': 'true' });
  private readonly note = el('p', { class: 'note', hidden: true });
  private readonly summary: HTMLElement;
  private readonly live = el('p', { class: 'hidden-text', 'aria-live': 'polite' });
  private readonly frame = el('div', { class: 'frame' });
  private readonly empty = el('p', { class: 'empty', hidden: true });
  private plot: Plot | undefined;
  private theme: Theme | undefined;

  constructor(private readonly options: ChartFrameOptions) {
    const id = `chart-${++ids}`;
    this.summary = el('p', { class: 'hidden-text', id: `${id}-summary` });
    this.keys = options.keys ?? (options.readout ? READOUT_KEYS : undefined);
    this.canvas = el('canvas', {
      role: this.keys === undefined ? 'img' : 'application',
      'aria-roledescription': this.keys === undefined ? undefined : 'interactive chart',
      'aria-describedby': `${id}-summary`,
      tabindex: this.keys === undefined ? undefined : 0,
    });
    const exports = menuButton('Export this chart', 'download', [
      { label: 'Export PNG', run: () => this.export('png') },
      { label: 'Export SVG', run: () => this.export('svg') },
      { label: 'Export CSV', run: () => this.export('csv') },
    ]);
    this.frame.append(el('div', { class: 'canvas-box' }, this.canvas), this.empty);
    this.element = el(
      'section',
      { class: `chart-frame ${options.className ?? ''}`.trim() },
      el('header', {}, this.heading, this.legend, exports),
      this.note,
      this.frame,
      this.summary,
      this.live,
    );
    this.view = new PlotView(this.canvas, options);
    if (options.readout) {
      addReadout(
        this.canvas,
        () => this.view.chart,
        (d) => this.view.isNamed(d),
        (text) => this.say(text),
      );
    }
    new ResizeObserver(() => this.align()).observe(this.frame);
  }

  update(plot: Plot, theme: Theme): void {
    this.plot = plot;
    this.theme = theme;
    if (this.heading.textContent !== plot.title) this.heading.textContent = plot.title;
    this.canvas.setAttribute('aria-label', plot.title);
    const keys = this.keys === undefined ? '' : ` ${this.keys}`;
    this.summary.textContent = plot.summary + keys;
    this.note.hidden = plot.note === undefined;
    this.note.textContent = plot.note ?? '';
    const entries = plot.legend === false ? [] : legendOf(plot);
    this.legend.replaceChildren(...entries.map((e) => legendItem(e, theme)));
    this.view.update(plot, theme);
  }

  /** Columns of a fraction of a pixel would blur the canvas: it starts at a whole one. */
  private align(): void {
    const { left, top } = this.frame.getBoundingClientRect();
    this.canvas.style.left = `${Math.ceil(left) - left}px`;
    this.canvas.style.top = `${Math.ceil(top + scrollY) - (top + scrollY)}px`;
  }

  /** Covers the chart with a sentence, where there is nothing to draw yet. */
  setEmpty(text: string | undefined): void {
    this.empty.hidden = text === undefined;
    this.empty.textContent = text ?? '';
  }

  /** Says it to a screen reader. */
  say(text: string): void {
    this.live.textContent = text;
  }

  private export(format: ExportFormat): void {
    const { plot, theme } = this;
    if (!plot || !theme) return;
    const data =
      format === 'png' ? this.view.png() : format === 'svg' ? svg(plot, theme) : plotCsv(plot);
    this.options.onExport(format, this.options.name, data);
  }
}

function legendItem({ name, colour, opacity, dashed }: LegendEntry, theme: Theme): HTMLLIElement {
  const swatch = el('span', { class: dashed ? 'swatch dashed' : 'swatch' });
  swatch.style.background = theme.colours[colour];
  swatch.style.opacity = String(Math.max(opacity, 0.35));
  return el('li', {}, swatch, name);
}

/** The chart's numbers, one line each: layer, x, y. */
function plotCsv(plot: Plot): string {
  const rows: Cell[][] = [];
  for (const layer of plot.layers) {
    const name = layer.name ?? layer.type;
    if (layer.type === 'bars') {
      for (let i = 0; i < layer.at.length; i++) {
        const at = layer.at[i] as number;
        const category = layer.sideways ? plot.y.categories?.[at] : undefined;
        rows.push([name, category ?? at, layer.value[i] as number]);
      }
    } else if (layer.type === 'line' || layer.type === 'points') {
      for (let i = 0; i < layer.x.length; i++) {
        rows.push([name, layer.x[i] as number, layer.y[i] as number]);
      }
    } else if (layer.type === 'rule') {
      rows.push([
        layer.label ?? name,
        layer.axis === 'x' ? layer.value : '',
        layer.axis === 'y' ? layer.value : '',
      ]);
    } else if (layer.type === 'density') {
      const { grid, box } = layer;
      grid.counts.forEach((c, i) => {
        if (c === 0) return;
        const x = box.xMin + (((i % grid.columns) + 0.5) * (box.xMax - box.xMin)) / grid.columns;
        const y =
          box.yMax - ((Math.floor(i / grid.columns) + 0.5) * (box.yMax - box.yMin)) / grid.rows;
        rows.push([`${name} (cell of ${c})`, x, y]);
      });
    }
  }
  return csv(['series', plot.x.label || 'x', plot.y.label || 'y'], rows);
}
