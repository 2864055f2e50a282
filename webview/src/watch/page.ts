import {
  count,
  decimals,
  plural,
  type PersistedState,
  type ToView,
  type WatchRollout,
} from '../../../server/src/protocol/index.js';
import type { Plot } from '../charts/plot.js';
import { readTheme, watchTheme, type Theme } from '../charts/theme.js';
import { visible } from '../data/visible.js';
import type { Host } from '../host.js';
import { persisted } from '../state.js';
import { ChartFrame } from '../ui/chart-frame.js';
import { exportUnder } from '../ui/export.js';
import { button, el, throttled } from '../ui/dom.js';
import { Notice } from '../ui/notice.js';
import { riskOf, WatchModel } from './model.js';
import { lengthPlot, stepPlot, tailPlot } from './plots.js';

const DRAW_MS = 250;
/** Rollouts drawn at first. */
const FIRST = 6;

/** A training while it runs: its left tail, what drifts, and its worst rollouts as they come. */
export class WatchPage {
  private model = new WatchModel();
  private log: string;
  private title = '';
  private following = true;
  private all = false;
  private theme: Theme = readTheme();
  private readonly heading = el('h1');
  private readonly said = el('p', { class: 'dim', role: 'status' });
  private readonly notice = new Notice();
  private readonly toggle = button('Stop', 'stop', () => this.follow(!this.following), {
    class: 'secondary',
  });
  private readonly alarms = el('ul', { class: 'alarms', role: 'log', 'aria-label': 'Alarms' });
  private readonly charts: readonly (readonly [ChartFrame, (m: WatchModel) => Plot | undefined])[];
  private readonly worst = el('section', { class: 'worst', 'aria-label': 'Worst rollouts' });

  constructor(
    private readonly host: Host,
    root: HTMLElement,
    kept: PersistedState | undefined,
  ) {
    this.log = kept?.uris[0] ?? '';
    this.charts = [
      [this.chart('left-tail'), tailPlot],
      [this.chart('length'), lengthPlot],
      [this.chart('kl'), (m) => stepPlot(m, 'kl', 'KL from the reference, nats')],
      [this.chart('entropy'), (m) => stepPlot(m, 'entropy', 'Entropy')],
    ];
    const [first, ...others] = this.charts.map(([c]) => c.element);
    root.classList.add('watch');
    root.append(
      el('header', { class: 'watch-head' }, el('div', {}, this.heading, this.said), this.toggle),
      this.alarms,
      el('section', { class: 'charts', 'aria-label': 'Left tail' }, first!),
      this.worst,
      el('section', { class: 'charts', 'aria-label': 'What drifts with it' }, ...others),
      this.notice.element,
    );
    watchTheme(() => {
      this.theme = readTheme();
      this.draw();
    });
    host.on({
      open: ({ names, state, uris }) => {
        this.log = uris?.[0] ?? state?.uris[0] ?? this.log;
        this.title = names.join(', ');
        this.model = new WatchModel();
        this.following = true;
        this.host.keep(persisted('watch', [this.log], {}));
        this.draw();
      },
      watch: (message) => this.take(message),
      error: ({ message }) => this.notice.show(message, 'error'),
    });
    this.draw();
  }

  private take({ events, ended }: ToView['watch']): void {
    this.model.take(events);
    if (ended !== undefined) this.following = false;
    if (ended?.error !== undefined) this.notice.show(ended.error, 'error');
    this.draw();
  }

  private follow(on: boolean): void {
    this.following = on;
    this.host.post({ type: 'follow', on });
    this.draw();
  }

  private readonly draw = throttled(() => {
    const { model } = this;
    this.heading.textContent = `Training${this.title === '' ? '' : `: ${visible(this.title)}`}`;
    this.said.textContent = this.status();
    this.toggle.querySelector('span')!.textContent = this.following ? 'Stop' : 'Follow again';
    this.alarms.hidden = model.alarms.length === 0;
    // Only what is new is added: screen readers read additions of a log.
    if (this.alarms.childElementCount > model.alarms.length) this.alarms.replaceChildren();
    for (const { step, kind, message } of model.alarms.slice(this.alarms.childElementCount))
      this.alarms.append(
        el('li', {}, `Step ${count(step)}: ${visible(message)}`, el('small', {}, visible(kind))),
      );
    for (const [frame, plotOf] of this.charts) {
      const plot = plotOf(model);
      frame.element.hidden = plot === undefined;
      if (plot !== undefined) frame.update(plot, this.theme);
    }
    this.drawWorst();
  }, DRAW_MS);

  private status(): string {
    const { steps, rollouts, caughtUp, note } = this.model;
    const state = !this.following ? 'Stopped' : caughtUp ? 'Following' : 'Reading what is there';
    const last = steps.at(-1);
    const seen =
      last === undefined
        ? caughtUp
          ? 'nothing of a training yet'
          : ''
        : `step ${count(last.step)}, ${plural(steps.length, 'step')}${rollouts > 0 ? `, ${plural(rollouts, 'rollout')}` : ''}`;
    return [[state, seen].filter(Boolean).join(': '), note && visible(note)]
      .filter(Boolean)
      .join(' · ');
  }

  private drawWorst(): void {
    const { worst } = this.model;
    this.worst.hidden = worst.length === 0;
    // Under the keyboard or the mouse nothing is drawn anew but what has changed.
    const shown = worst.slice(0, this.all ? undefined : FIRST);
    const key = `${this.all} ${worst.length} ${shown.map(({ place }) => place).join(' ')}`;
    if (key === this.worst.dataset.key) return;
    const focused = [...this.worst.querySelectorAll('ol button')].indexOf(document.activeElement!);
    this.worst.dataset.key = key;
    const more = button(`Show all ${count(worst.length)}`, undefined, () => {
      this.all = true;
      this.draw();
    });
    more.classList.add('secondary');
    more.hidden = this.all || worst.length <= FIRST;
    this.worst.replaceChildren(
      el('h2', {}, 'Worst rollouts, the lowest left tail first'),
      el('ol', {}, ...shown.map((rollout) => this.item(rollout))),
      more,
    );
    this.worst.querySelectorAll<HTMLButtonElement>('ol button')[focused]?.focus();
  }

  private item(rollout: WatchRollout): HTMLElement {
    const { source, line } = WatchModel.placeOf(rollout);
    const name = source.split(/[\\/]/).at(-1) ?? source;
    const text = rollout.text === '' ? '(empty)' : rollout.text;
    const open = button(visible(text), undefined, () =>
      this.host.post({ type: 'revealRollout', source, line }),
    );
    open.classList.add('link');
    const figures = [
      `step ${count(rollout.step)}`,
      ...(rollout.reward === null ? [] : [`reward ${decimals(rollout.reward)}`]),
      ...(rollout.length === null ? [] : [`length ${count(rollout.length)}`]),
      `${visible(name)}, line ${count(line)}`,
    ];
    return el(
      'li',
      {},
      el('span', { class: 'risk' }, decimals(riskOf(rollout))),
      el('div', {}, open, el('small', {}, figures.join(' · '))),
    );
  }

  private chart(name: string): ChartFrame {
    return new ChartFrame({
      name,
      className: name,
      readout: true,
      onExport: exportUnder(this.host, this.notice, () => this.title || 'training'),
      tooltip: (layer, x, y) =>
        name === 'length'
          ? `length ${x.toFixed(1)}: ${decimals(y)}`
          : `step ${count(Math.round(x))}, ${layer.name ?? ''} ${decimals(y)}`,
    });
  }
}
