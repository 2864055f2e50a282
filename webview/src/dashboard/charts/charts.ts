import { count, decimals, tailName } from '../../../../server/src/protocol/index.js';
import { BrushControl, type Brushed } from '../../charts/brush-control.js';
import type { Plot } from '../../charts/plot.js';
import type { Theme } from '../../charts/theme.js';
import type { Brush, Range } from '../../data/brush.js';
import { nearest } from '../../data/density.js';
import { hasDistribution, type Document } from '../../data/documents.js';
import type { MeasureName } from '../../data/responses.js';
import { el, perFrame } from '../../ui/dom.js';
import { ChartFrame, type OnExport } from '../../ui/chart-frame.js';
import { contributionsPlot, type ContributionSeries } from './contribution-plot.js';
import { binsOf, expectationPlot, marginPlot, tailPlot } from './histogram-plots.js';
import { scatterPlot } from './scatter-plot.js';
import type { Selections } from './series.js';

export interface ChartEvents {
  readonly brushed: (brush: Brush) => void;
  readonly picked: (document: number, response: number, detail: boolean) => void;
  readonly onExport: OnExport;
}

const KEYS =
  'Arrow keys move a cursor, with Shift they select a range, Escape clears it. The range can also be typed under Ranges.';

/** The five figures of the dashboard; every range brushed in one filters all others and the table. */
export class Charts {
  readonly element = el('section', { class: 'charts', 'aria-label': 'Charts' });
  private readonly scatter: ChartFrame;
  private readonly scatterBrush: BrushControl;
  private readonly histograms: { measure: MeasureName; frame: ChartFrame; brush: BrushControl }[];
  private readonly contributions: ChartFrame;
  private readonly tip = el('div', { class: 'point-tip', hidden: true });
  private documents: readonly Document[] = [];
  private theme: Theme | undefined;
  private brush: Brush = {};
  private chosen: { document: number; response: number } | undefined;
  private pointed: { x: number; y: number } | undefined;

  constructor(private readonly events: ChartEvents) {
    const { onExport } = events;
    this.scatter = new ChartFrame({
      name: 'expectation-against-tail',
      className: 'scatter',
      keys: `${KEYS} Enter chooses the nearest response.`,
      onExport,
      overlay: (context, chart, theme) => {
        this.scatterBrush.draw(context, theme);
        this.drawChosen(context, chart.scales, theme);
      },
    });
    const showTip = perFrame(() => this.showTip());
    this.scatterBrush = new BrushControl(() => this.scatter.view.chart, this.scatter.canvas, true, {
      brushed: (b) => this.setBrush({ expectation: b?.x, tail: b?.y }),
      picked: (x, y, twice) => this.pick(x, y, twice),
      pointed: (at, byKeyboard) => {
        this.pointed = at;
        if (byKeyboard && at) this.sayNearest(at);
        showTip();
      },
    });
    this.scatter.canvas.parentElement?.append(this.tip);
    this.histograms = (['expectation', 'tail', 'margin'] as const).map((measure) =>
      this.histogram(measure),
    );
    this.contributions = new ChartFrame({
      name: 'attribute-contributions',
      className: 'contributions',
      readout: true,
      keys: 'Arrow keys read it out attribute by attribute.',
      onExport,
      tooltipTitle: (_x, y) => this.plotOf(this.contributions)?.y.categories?.[Math.round(y)] ?? '',
      tooltip: (layer, x) => `${layer.name}: ${decimals(x, 4)}`,
    });
    this.element.append(
      this.scatter.element,
      ...this.histograms.map((h) => h.frame.element),
      this.contributions.element,
    );
  }

  private readonly plots = new Map<ChartFrame, Plot>();
  private plotOf(f: ChartFrame): Plot | undefined {
    return this.plots.get(f);
  }

  private put(f: ChartFrame, plot: Plot, theme: Theme): void {
    this.plots.set(f, plot);
    f.update(plot, theme);
  }

  update(documents: readonly Document[], selections: Selections, brush: Brush, theme: Theme): void {
    this.documents = documents;
    this.theme = theme;
    this.brush = brush;
    const box: Brushed | undefined =
      brush.expectation || brush.tail ? { x: brush.expectation, y: brush.tail } : undefined;
    this.scatterBrush.show(box);
    // One number a response: a scatter of it against itself says nothing.
    const shape = documents.length === 0 || documents.some((d) => hasDistribution(d.summary));
    this.scatter.element.hidden = !shape;
    const { clientWidth: w, clientHeight: h } = this.scatter.canvas;
    const cells = (pixels: number) => Math.min(Math.max(Math.round(pixels / 2.5), 40), 400);
    this.put(this.scatter, scatterPlot(documents, selections, cells(w), cells(h)), theme);
    const plots = { expectation: expectationPlot, tail: tailPlot, margin: marginPlot };
    for (const { measure, frame: f, brush: control } of this.histograms) {
      f.element.hidden = measure === 'tail' && !shape;
      const range = brush[measure];
      control.show(range && { x: range });
      this.put(f, plots[measure](documents, selections), theme);
      const total = documents.reduce((sum, d) => sum + d.histograms[measure].total, 0);
      f.setEmpty(
        total > 0
          ? undefined
          : measure === 'margin'
            ? 'No pairs scored'
            : 'No responses scored yet',
      );
    }
    const scored = documents.some((d) => d.histograms.expectation.total > 0);
    this.scatter.setEmpty(scored ? undefined : 'No responses scored yet');
  }

  updateContributions(series: readonly ContributionSeries[], theme: Theme): void {
    const plot = contributionsPlot(series);
    const attributes = plot.y.categories?.length ?? 0;
    // Many attributes scroll instead of shrinking.
    const box = this.contributions.canvas.parentElement;
    if (box) box.style.minHeight = `${attributes * 18 + 44}px`;
    this.put(this.contributions, plot, theme);
    this.contributions.setEmpty(
      series.length > 0 && attributes > 0 ? undefined : 'No contributions yet',
    );
  }

  /** Marks a response in the scatter. */
  choose(chosen: { document: number; response: number } | undefined): void {
    this.chosen = chosen;
    this.scatter.view.redraw();
  }

  private histogram(measure: MeasureName) {
    const f: ChartFrame = new ChartFrame({
      name: `${measure}-histogram`,
      className: measure,
      keys: KEYS,
      onExport: this.events.onExport,
      overlay: (context, _chart, theme) => control.draw(context, theme),
      tooltipTitle: (x) => {
        const { start, width } = binsOf(this.documents, measure);
        const low = start + Math.floor((x - start) / width) * width;
        return `${decimals(low)} to ${decimals(low + width)}`;
      },
      tooltip: (layer, _x, y) =>
        `${this.documents.length > 1 ? `${(100 * y).toFixed(2)} %` : count(y)} ${layer.name}`,
    });
    const control = new BrushControl(() => f.view.chart, f.canvas, false, {
      brushed: (b) => this.setBrush({ [measure]: b?.x }),
      pointed: (at, byKeyboard) => {
        if (byKeyboard && at) f.say(this.sayBin(measure, at.x));
      },
    });
    return { measure, frame: f, brush: control };
  }

  private sayBin(measure: MeasureName, x: number): string {
    const bins = binsOf(this.documents, measure);
    const b = Math.floor((x - bins.start) / bins.width);
    const low = bins.start + b * bins.width;
    const counts = this.plotOf(
      this.histograms.find((h) => h.measure === measure)?.frame as ChartFrame,
    )?.layers[0];
    const value = counts?.type === 'bars' ? (counts.value[b] ?? 0) : 0;
    const said = this.documents.length > 1 ? `${(100 * value).toFixed(1)} %` : count(value);
    return `${decimals(low)} to ${decimals(low + bins.width)}: ${said}`;
  }

  private setBrush(part: Partial<Record<MeasureName, Range | undefined>>): void {
    const next = { ...this.brush, ...part };
    for (const name of Object.keys(next) as MeasureName[])
      if (next[name] === undefined) delete next[name];
    this.events.brushed(next);
  }

  private nearestTo(at: { x: number; y: number }, radius: number) {
    const { x, y } = this.scatter.view.chart.scales;
    if (!x || !y) return undefined;
    const scale = {
      x: (x.right - x.left) / (x.max - x.min || 1),
      y: (y.bottom - y.top) / (y.max - y.min || 1),
    };
    for (const [document, { responses: r }] of this.documents.entries()) {
      const response = nearest(r.expectation, r.tail, r.length, at, scale, radius);
      if (response >= 0) return { document, response };
    }
    return undefined;
  }

  private pick(x: number, y: number, twice: boolean): void {
    const hit = this.nearestTo({ x, y }, 14);
    if (hit) this.events.picked(hit.document, hit.response, twice);
    else if (this.brush.expectation || this.brush.tail)
      this.setBrush({ expectation: undefined, tail: undefined });
  }

  private describe(hit: { document: number; response: number }): string {
    const d = this.documents[hit.document] as Document;
    const r = d.responses;
    const i = hit.response;
    return `line ${count((r.line[i] ?? 0) + 1)} · mean ${decimals(r.expectation[i] ?? Number.NaN)} · ${tailName(d.summary.tau)} ${decimals(r.tail[i] ?? Number.NaN)}`;
  }

  private sayNearest(at: { x: number; y: number }): void {
    const hit = this.nearestTo(at, 14);
    this.scatter.say(
      hit ? this.describe(hit) : `${decimals(at.x)}, ${decimals(at.y)}: no response`,
    );
  }

  private showTip(): void {
    const hit = this.pointed && this.nearestTo(this.pointed, 10);
    this.tip.hidden = !hit;
    this.scatter.canvas.classList.toggle('on-point', hit !== undefined);
    if (!hit) return;
    const { x, y } = this.scatter.view.chart.scales;
    const { responses } = this.documents[hit.document] as Document;
    const px = x?.getPixelForValue(responses.expectation[hit.response] ?? 0) ?? 0;
    const py = y?.getPixelForValue(responses.tail[hit.response] ?? 0) ?? 0;
    this.tip.textContent = this.describe(hit);
    const room = this.scatter.canvas.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(Math.min(px + 10, room), 0)}px`;
    this.tip.style.top = `${py > 40 ? py - 30 : py + 12}px`;
  }

  private drawChosen(
    context: CanvasRenderingContext2D,
    scales: Readonly<Record<string, { getPixelForValue(v: number): number } | undefined>>,
    theme: Theme,
  ): void {
    if (this.chosen === undefined) return;
    const r = this.documents[this.chosen.document]?.responses;
    const e = r?.expectation[this.chosen.response] ?? Number.NaN;
    const t = r?.tail[this.chosen.response] ?? Number.NaN;
    if (Number.isNaN(e) || Number.isNaN(t)) return;
    const px = scales.x?.getPixelForValue(e) ?? 0;
    const py = scales.y?.getPixelForValue(t) ?? 0;
    for (const [width, colour] of [
      [5, theme.colours.ground],
      [2, theme.colours.text],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(px, py, 6, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
