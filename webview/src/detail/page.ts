import { DEFAULT_CVAR_LEVEL, DEFAULT_LAMBDA, DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import {
  decimals,
  type AuditSummary,
  type DetailResult,
  type PersistedState,
} from '../../../server/src/protocol/index.js';
import { readTheme, watchTheme, type Theme } from '../charts/theme.js';
import type { Plot } from '../charts/plot.js';
import { stemOf } from '../../../server/src/datasets/formats.js';
import type { Host } from '../host.js';
import { persisted, readDetail, type DetailState } from '../state.js';
import { debounced, el, perFrame } from '../ui/dom.js';
import { ChartFrame } from '../ui/chart-frame.js';
import { exportUnder } from '../ui/export.js';
import { Notice } from '../ui/notice.js';
import { Controls } from './controls.js';
import { FigureTable } from './figure-table.js';
import { detailModel, type DetailModel, type Side } from './model.js';
import { attributeBars, ridgelinePlot } from './attribute-plots.js';
import { cdfPlot, densityPlot, quantilePlot } from './distribution-plots.js';
import { Subject } from './subject.js';

/** One number a response (K = 1) has no shape to draw; one attribute has nothing to share. */
const hasShape = (m: DetailModel): boolean => m.levels.length > 1;
const hasAttributes = (m: DetailModel): boolean => m.attributes.length > 1 || hasShape(m);

/** The distribution view: one response, over the other half of its pair. */
export class DetailPage {
  private audits: readonly AuditSummary[] = [];
  private names: readonly string[] = [];
  private result: DetailResult | undefined;
  private model: DetailModel | undefined;
  private state: DetailState;
  private theme: Theme = readTheme();
  private readonly notice = new Notice();
  private readonly subject: Subject;
  private readonly table = new FigureTable();
  private readonly controls: Controls;
  private readonly frames: {
    frame: ChartFrame;
    plot: (m: DetailModel, tau: number) => Plot;
    rows?: number;
    /** Whether there is something to draw. */
    fits?: (m: DetailModel) => boolean;
  }[];
  private readonly charts: HTMLElement;

  constructor(
    private readonly host: Host,
    root: HTMLElement,
    kept: PersistedState | undefined,
  ) {
    this.state = readDetail(kept?.filters);
    this.subject = new Subject({
      open: (s) => this.post('reveal', s),
      detail: (s) => this.post('openDetail', s),
    });
    this.controls = new Controls({
      changed: (tau, lambda) => this.change({ tau, lambda }),
      reset: () => this.change({ tau: undefined, lambda: undefined }),
    });
    this.frames = [
      this.chart(
        'density',
        (m, tau) => densityPlot(m, tau),
        (x) => `reward ${decimals(x)}`,
      ),
      this.chart(
        'quantile-function',
        (m, tau) => quantilePlot(m, tau),
        (x) => `level ${decimals(x)}`,
      ),
      this.chart(
        'cdf',
        (m, tau) => cdfPlot(m, tau),
        (x) => `reward ${decimals(x)}`,
      ),
      { ...this.chart('attributes', (m) => ridgelinePlot(m)), rows: 38, fits: hasShape },
      {
        ...this.bars('gate', 'Gate weights', 'weight', (s) => s.detail.gate),
        rows: 22,
        fits: hasAttributes,
      },
      {
        ...this.bars(
          'contributions',
          'Share of the mean',
          'weight × mean of the attribute',
          (s) => s.contributions,
        ),
        rows: 22,
        fits: hasAttributes,
      },
    ];
    this.charts = el(
      'section',
      { class: 'charts', 'aria-label': 'Charts' },
      ...this.frames.map((f) => f.frame.element),
    );
    root.classList.add('detail');
    root.append(
      this.subject.element,
      el('div', { class: 'side' }, this.controls.element, this.table.element),
      this.charts,
      this.notice.element,
    );
    watchTheme(() => {
      this.theme = readTheme();
      this.draw();
    });
    host.on({
      open: ({ page, audits, names, state }) => {
        if (page !== 'detail') return;
        if (state !== undefined) this.state = readDetail(state.filters);
        this.audits = audits;
        this.names = names;
        this.keep();
        this.draw();
      },
      summary: ({ summary }) => {
        this.audits = this.audits.map((a) => (a.uri === summary.uri ? summary : a));
        this.draw();
      },
      detail: ({ result }) => {
        this.result = result;
        this.model = detailModel(result);
        this.draw();
      },
      error: ({ message }) => this.notice.show(message, 'error'),
    });
    this.draw();
  }

  /** The document of the response shown, else the first that is open. */
  private get audit(): AuditSummary | undefined {
    const uri = this.result?.detail?.uri;
    return this.audits.find((a) => a.uri === uri) ?? this.audits[0];
  }

  private readonly draw = perFrame(() => {
    const tau = this.state.tau ?? this.audit?.tau ?? DEFAULT_TAU;
    const lambda = this.state.lambda ?? this.audit?.lambda ?? DEFAULT_LAMBDA;
    const own = this.audit;
    this.subject.update(
      this.result,
      this.model,
      own ? (this.names[this.audits.indexOf(own)] ?? '') : '',
    );
    this.controls.show(
      tau,
      lambda,
      this.state.tau !== undefined || this.state.lambda !== undefined,
    );
    const { model } = this;
    this.charts.hidden = model === undefined;
    this.table.element.hidden = model === undefined;
    // Tail level and risk aversion act on a distribution.
    this.controls.element.hidden = model === undefined || !hasShape(model);
    if (model === undefined) return;
    const cvarLevel = this.audit?.cvarLevel ?? DEFAULT_CVAR_LEVEL;
    this.table.update(model, { tau, lambda, cvarLevel });
    for (const { frame: f, plot, rows, fits = hasShape } of this.frames) {
      f.element.hidden = !fits(model);
      if (f.element.hidden) continue;
      const box = f.canvas.parentElement;
      if (rows !== undefined && box)
        box.style.minHeight = `${Math.max(model.attributes.length * rows + 58, 128)}px`;
      f.update(plot(model, tau), this.theme);
    }
  });

  private change(state: DetailState): void {
    this.state = state;
    this.keep();
    this.draw();
  }

  private readonly keep = debounced(() => {
    this.host.keep(
      persisted(
        'detail',
        this.audits.map((a) => a.uri),
        this.state,
      ),
    );
  }, 100);

  private post(type: 'reveal' | 'openDetail', { detail }: Side): void {
    const { uri, epoch, response } = detail;
    if (type === 'reveal') this.host.post({ type, uri, epoch, response, focus: true });
    else this.host.post({ type, uri, epoch, response });
  }

  /** The file's stem and the line. */
  private stem(): string {
    const line = (this.result?.detail?.spot.line ?? 0) + 1;
    const own = this.audit;
    const file = own ? this.names[this.audits.indexOf(own)] : undefined;
    return `${stemOf(file ?? 'response')}-line-${line}`;
  }

  private chart(
    name: string,
    plot: (m: DetailModel, tau: number) => Plot,
    title?: (x: number) => string,
  ) {
    const f = new ChartFrame({
      name,
      className: name,
      readout: title !== undefined,
      onExport: exportUnder(this.host, this.notice, () => this.stem()),
      tooltipTitle: title,
      tooltip: title && ((layer, _x, y) => `${layer.name ?? ''} ${decimals(y)}`),
    });
    return { frame: f, plot };
  }

  private bars(name: string, title: string, label: string, values: (s: Side) => readonly number[]) {
    const plot = (m: DetailModel) => attributeBars(m, title, label, values);
    const f = new ChartFrame({
      name,
      className: name,
      readout: true,
      onExport: exportUnder(this.host, this.notice, () => this.stem()),
      tooltipTitle: (_x, y) =>
        this.model ? (plot(this.model).y.categories?.[Math.round(y)] ?? '') : '',
      tooltip: (layer, x) => `${layer.name ?? ''} ${decimals(x, 4)}`,
    });
    return { frame: f, plot };
  }
}
