import { objectiveName, type Objective } from '../../../server/src/policy/index.js';
import {
  count,
  decimals,
  percent,
  plural,
  type AuditSummary,
  type PersistedState,
} from '../../../server/src/protocol/index.js';
import { readTheme, watchTheme, type Theme } from '../charts/theme.js';
import type { PlotChart } from '../charts/plot-chart.js';
import type { Host } from '../host.js';
import { persisted, readPolicy, type PolicyState } from '../state.js';
import { debounced, el, perFrame } from '../ui/dom.js';
import { ChartFrame } from '../ui/chart-frame.js';
import { exportUnder } from '../ui/export.js';
import { Notice } from '../ui/notice.js';
import { ChangeList } from './changes.js';
import { PolicyControls } from './controls.js';
import { PolicyModel, type PolicyPoint, type PolicyRow } from './model.js';
import { frontierPlot, klMarks, klPlot } from './plots.js';
import { PolicyTable } from './table.js';

/** What training would do to the policy whose responses a document holds. */
export class PolicyPage {
  private summary: AuditSummary | undefined;
  private name = '';
  private model: PolicyModel | undefined;
  private state: PolicyState;
  private selected: string | undefined;
  private rows: readonly PolicyRow[] = [];
  private theme: Theme = readTheme();
  private readonly heading = el('h1');
  private readonly said = el('p', { class: 'dim', role: 'status' });
  private readonly notice = new Notice();
  private readonly controls: PolicyControls;
  private readonly table = new PolicyTable((o) => this.select(o));
  private readonly changes: ChangeList;
  private readonly frontier = this.chart('frontier', (p) => [p.figures.mean, p.figures.q05]);
  private readonly overKl = this.chart('left-tail-over-kl', (p) => [p.kl, p.figures.q05]);
  private readonly body: HTMLElement;

  constructor(
    private readonly host: Host,
    root: HTMLElement,
    kept: PersistedState | undefined,
  ) {
    this.state = readPolicy(kept?.filters);
    this.controls = new PolicyControls({
      changed: (beta, lambda) => this.change({ beta, lambda }),
      reset: () => this.change({ beta: undefined, lambda: undefined }),
    });
    this.changes = new ChangeList({
      texts: (responses) => this.ask(responses),
      reveal: (response) => {
        const { uri, epoch } = this.model?.source ?? { uri: '', epoch: 0 };
        this.host.post({ type: 'reveal', uri, epoch, response, focus: true });
      },
    });
    this.body = el(
      'div',
      { class: 'policy-body' },
      this.controls.element,
      el(
        'section',
        { class: 'charts', 'aria-label': 'Charts' },
        this.frontier.element,
        this.overKl.element,
      ),
      this.table.element,
      this.changes.element,
    );
    root.classList.add('policy');
    root.append(
      el('header', { class: 'policy-head' }, this.heading, this.said),
      this.body,
      this.notice.element,
    );
    watchTheme(() => {
      this.theme = readTheme();
      this.draw();
    });
    host.on({
      open: ({ page, audits, names, state }) => {
        if (page !== 'policy') return;
        if (state !== undefined) this.state = readPolicy(state.filters);
        this.summary = audits[0];
        this.name = names[0] ?? '';
        this.keep();
        this.draw();
      },
      summary: ({ summary }) => {
        this.summary = summary;
        this.draw();
      },
      policy: ({ samples }) => {
        this.model = samples.offsets.length > 1 ? new PolicyModel(samples) : undefined;
        this.changes.forget();
        this.draw();
      },
      error: ({ message }) => this.notice.show(message, 'error'),
    });
    this.draw();
  }

  private readonly draw = perFrame(() => {
    const { model } = this;
    this.heading.textContent = `Policy preview${this.name === '' ? '' : `: ${this.name}`}`;
    this.said.textContent = this.status();
    this.body.hidden = model === undefined;
    if (model === undefined) return;
    const { beta = model.beta, lambda = model.lambda } = this.state;
    const changed = this.state.beta !== undefined || this.state.lambda !== undefined;
    this.controls.show(model.betas, beta, lambda, changed);
    this.rows = model.rows(beta, lambda);
    const objective = this.objective();
    this.frontier.update(frontierPlot(model, this.rows, objective), this.theme);
    this.overKl.update(klPlot(model, this.rows, objective), this.theme);
    this.table.update(model.reference, this.rows, objective, this.theme);
    this.changes.update(model, objective);
  });

  /** The selected objective with the lambda of now. */
  private objective(): Objective | undefined {
    return this.rows.find(({ objective }) => objective.kind === this.selected)?.objective;
  }

  private status(): string {
    const { model, summary } = this;
    if (summary === undefined) return 'Nothing is audited yet.';
    if (summary.state === 'running' || summary.state === 'waiting') {
      const share = summary.fraction === null ? '' : `, ${percent(summary.fraction, 0)}`;
      return `Scoring: ${plural(summary.scored, 'response')}${share}.`;
    }
    if (summary.state === 'failed')
      return `The audit failed: ${summary.error ?? 'no reason given'}`;
    if (model === undefined)
      return 'No row holds several scored responses to one prompt; expected completions or pairs. qrm policy groups rows of one prompt too.';
    const { source } = model;
    const more = source.more > 0 ? ` (the first of ${count(source.more + model.prompts)})` : '';
    return `${plural(source.responses.length, 'response')} to ${plural(model.prompts, 'prompt')}${more}: the KL-optimal policy for each objective, π ~ reference × exp(score / β).`;
  }

  private select(objective: Objective): void {
    // A click again closes the list.
    this.selected = this.selected === objective.kind ? undefined : objective.kind;
    this.draw();
  }

  private change(state: PolicyState): void {
    this.state = state;
    this.keep();
    this.draw();
  }

  private readonly keep = debounced(() => {
    if (this.summary) this.host.keep(persisted('policy', [this.summary.uri], this.state));
  }, 100);

  private ask(responses: readonly number[]): void {
    const { uri, epoch } = this.model?.source ?? { uri: '', epoch: 0 };
    this.host.request('texts', { uri, epoch, responses }).then(
      (texts) => this.changes.tell(texts),
      () => undefined,
    );
  }

  private chart(name: string, at: (p: PolicyPoint) => readonly [number, number]): ChartFrame {
    const made = new ChartFrame({
      name,
      className: name,
      readout: true,
      // Over KL it is the axis.
      ...(name === 'frontier' && { overlay: (c, chart, theme) => this.drawKl(c, chart, theme) }),
      onExport: exportUnder(this.host, this.notice, () => this.name || 'policy'),
      tooltipTitle: (x, y) => {
        const near = this.nearest((p) => {
          const [px, py] = at(p);
          return Math.abs(px - x) + Math.abs(py - y);
        });
        return near === undefined ? '' : `${near.name} at ${decimals(near.point.kl, 2)} nats`;
      },
      tooltip: (layer, x, y) => `${layer.name ?? ''} ${decimals(x)}, q05 ${decimals(y)}`,
    });
    made.canvas.addEventListener('click', (event) => {
      const chart: PlotChart = made.view.chart;
      const [sx, sy] = [chart.scales['x'], chart.scales['y']];
      if (sx === undefined || sy === undefined) return;
      const box = made.canvas.getBoundingClientRect();
      const [cx, cy] = [event.clientX - box.left, event.clientY - box.top];
      const near = this.nearest((p) => {
        const [x, y] = at(p);
        return Math.hypot(sx.getPixelForValue(x) - cx, sy.getPixelForValue(y) - cy);
      });
      if (near !== undefined && near.distance < 40 && near.objective.kind !== 'mean')
        this.select(near.objective);
    });
    return made;
  }

  /** KL along the curve of the selected objective, or the mean's. */
  private drawKl(context: CanvasRenderingContext2D, chart: PlotChart, theme: Theme): void {
    const [sx, sy] = [chart.scales['x'], chart.scales['y']];
    const objective = this.objective() ?? this.rows[0]?.objective;
    if (sx === undefined || sy === undefined || objective === undefined) return;
    context.save();
    context.fillStyle = theme.colours.dim;
    context.font = `10px ${theme.font}`;
    context.textBaseline = 'top';
    for (const { kl, at } of klMarks(this.model?.curve(objective) ?? [])) {
      const [x, y] = [sx.getPixelForValue(at.mean) + 6, sy.getPixelForValue(at.q05) + 4];
      context.fillText(kl === 1 ? '1 nat' : `${kl}`, x, y);
    }
    context.restore();
  }

  /** Of all points of the charts. */
  private nearest(distance: (p: PolicyPoint) => number) {
    const { model } = this;
    let found:
      { objective: Objective; name: string; point: PolicyPoint; distance: number } | undefined;
    for (const { objective, point } of this.rows) {
      for (const p of [point, ...(model?.curve(objective) ?? [])]) {
        const d = distance(p);
        if (found === undefined || d < found.distance)
          found = { objective, name: objectiveName(objective), point: p, distance: d };
      }
    }
    return found;
  }
}
