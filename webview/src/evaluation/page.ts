import { count } from '../../../server/src/protocol/index.js';
import {
  comparisonWords,
  disagreementWords,
  distributionWords,
  warnings,
} from '../../../server/src/evaluation/words.js';
import type { EvaluationResult, PersistedState, SuiteResult } from '../../../server/src/protocol/index.js'; // prettier-ignore
import { readTheme, watchTheme, type Theme } from '../charts/theme.js';
import { visible } from '../data/visible.js';
import type { Host } from '../host.js';
import { persisted, readEvaluation, type EvaluationState } from '../state.js';
import { button, el, perFrame } from '../ui/dom.js';
import { ChartFrame } from '../ui/chart-frame.js';
import { exportUnder } from '../ui/export.js';
import { Notice } from '../ui/notice.js';
import { chosen, revived } from './model.js';
import { reliabilityPlot, riskPlot } from './plots.js';
import { ratedTable } from './rated.js';
import { mainTable, subsetTable } from './table.js';
import { WrongList } from './wrong.js';

/** How good models are on the labels of files: the table, what it allows to say, charts, and the wrong items. */
export class EvaluationPage {
  private result: EvaluationResult | undefined;
  private uris: readonly string[] = [];
  private title = '';
  private asked: readonly string[] = [];
  private state: EvaluationState;
  private told = 'Reading the result…';
  private theme: Theme = readTheme();
  private readonly heading = el('h1');
  private readonly said = el('p', { class: 'dim', role: 'status' });
  private readonly notice = new Notice();
  private readonly picker = el('select', { 'aria-label': 'Benchmark' });
  private readonly tables = el('div');
  private readonly words = el('ul', {
    class: 'words',
    'aria-label': 'What the figures allow to say',
  });
  private readonly of = el('h2');
  private readonly rated = el('div');
  private readonly risk = this.chart('risk-coverage');
  private readonly reliability = this.chart('reliability');
  private readonly wrong = new WrongList(({ file, row, line, column }) => {
    const uri = this.uris[file];
    const spot = { row, line, column, endLine: line, endColumn: column };
    if (uri !== undefined) this.host.post({ type: 'revealRow', uri, spot });
  });
  private readonly body: HTMLElement;

  constructor(
    private readonly host: Host,
    root: HTMLElement,
    kept: PersistedState | undefined,
  ) {
    this.state = readEvaluation(kept?.filters);
    this.asked = kept?.uris ?? [];
    const again = button('Evaluate again', 'play', () => host.post({ type: 'evaluate' }), {
      class: 'secondary',
    });
    this.picker.addEventListener('change', () =>
      this.change({ suite: Number(this.picker.value), row: undefined }),
    );
    this.body = el(
      'div',
      { class: 'evaluation-body' },
      this.picker,
      this.tables,
      this.words,
      this.of,
      el('section', { class: 'charts', 'aria-label': 'Charts' }, this.risk.element, this.reliability.element), // prettier-ignore
      this.wrong.element,
    );
    root.classList.add('evaluation');
    root.append(
      el('header', { class: 'evaluation-head' }, el('div', {}, this.heading, this.said), again),
      this.body,
      this.rated,
      this.notice.element,
    );
    watchTheme(() => {
      this.theme = readTheme();
      this.draw();
    });
    host.on({
      open: ({ names, state }) => {
        if (state !== undefined)
          [this.state, this.asked] = [readEvaluation(state.filters), state.uris];
        this.title = names.join(', ');
        this.draw();
      },
      evaluation: ({ result, uris, asked }) => {
        this.result = result === null ? undefined : revived(result);
        this.told = 'Nothing is kept of these files: evaluate them again.';
        [this.uris, this.asked] = [uris, asked];
        this.keep();
        this.draw();
      },
      error: ({ message }) => this.notice.show(message, 'error'),
    });
    this.draw();
  }

  private readonly draw = perFrame(() => {
    const { result } = this;
    this.heading.textContent = `Evaluation${this.title === '' ? '' : `: ${this.title}`}`;
    const suite = result && chosen(result.suites, this.state.suite);
    this.said.textContent = result === undefined ? this.told : inWords(result);
    this.body.hidden = suite === undefined;
    this.rated.hidden = (result?.rated.length ?? 0) === 0;
    if (result === undefined) return;
    this.rated.replaceChildren(...result.rated.map(ratedTable), list(disagreementWords(result)));
    if (suite !== undefined) this.show(result, suite);
  });

  private show(result: EvaluationResult, suite: SuiteResult): void {
    const { suites, files } = result;
    this.picker.hidden = suites.length < 2;
    this.picker.replaceChildren(
      ...suites.map((s, n) => el('option', { value: n, selected: s === suite }, described(s))),
    );
    const row = chosen(suite.rows, this.state.row)!;
    const choose = (n: number): void => {
      this.change({ ...this.state, row: n });
      this.focusRow = n;
    };
    const subsets = subsetTable(suite);
    this.tables.replaceChildren(
      el('h2', {}, described(suite)),
      mainTable(suite, suite.rows.indexOf(row), choose),
      ...(subsets === undefined ? [] : [subsets]),
    );
    if (this.focusRow !== undefined)
      this.tables.querySelectorAll<HTMLButtonElement>('tbody button')[this.focusRow]?.focus();
    this.focusRow = undefined;
    this.words.replaceChildren(
      ...items([...warnings(suite), ...comparisonWords(suite), ...distributionWords(row)]),
    );
    this.of.textContent = visible(row.name);
    const [risk, reliability] = [riskPlot(row), reliabilityPlot(row)];
    this.risk.element.hidden = risk === undefined;
    this.reliability.element.hidden = reliability === undefined;
    if (risk !== undefined) this.risk.update(risk, this.theme);
    if (reliability !== undefined) this.reliability.update(reliability, this.theme);
    this.wrong.show(
      row,
      files.map((path) => path.split(/[\\/]/).at(-1) ?? path),
    );
  }

  /** The row whose button had the keyboard before the table was drawn anew. */
  private focusRow: number | undefined;

  private change(state: EvaluationState): void {
    this.state = state;
    this.keep();
    this.draw();
  }

  private keep(): void {
    this.host.keep(persisted('evaluation', this.asked, this.state));
  }

  private chart(name: string): ChartFrame {
    return new ChartFrame({
      name,
      className: name,
      readout: true,
      onExport: exportUnder(this.host, this.notice, () => this.title || 'evaluation'),
      tooltip: (layer, x, y) =>
        `${layer.name ?? ''}: ${Math.round(100 * x)} %, right ${(100 * y).toFixed(1)} %`,
    });
  }
}

const described = ({ title, items: n, prompts }: SuiteResult): string =>
  `${title}: ${count(n)} items, ${count(prompts)} prompts`;

const items = (lines: readonly string[]): HTMLElement[] =>
  lines.map((line) => el('li', {}, visible(line)));
const list = (lines: readonly string[]): HTMLElement =>
  el('ul', { class: 'words' }, ...items(lines));

function inWords({ suites, rated, settings }: EvaluationResult): string {
  if (suites.length === 0 && rated.length === 0) return 'No row is an item of a suite.';
  return suites.length === 0
    ? 'Rated responses: how well quantiles fit the labels.'
    : `Percent right, with 95 % intervals by resampling prompts (${count(settings.replicates)} resamples).`;
}
