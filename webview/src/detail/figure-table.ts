import { decimals, percent, tailName } from '../../../server/src/protocol/index.js';
import { el } from '../ui/dom.js';
import { beats, figures, type DetailModel, type Figures, type Levels } from './model.js';

interface Line {
  readonly label: string;
  readonly hint: string;
  readonly value: (f: Figures) => number;
  readonly whole?: boolean;
}

/** The figures of both halves and their difference, recalculated with the sliders. */
export class FigureTable {
  private readonly odds = el('div', { class: 'odds' });
  private readonly table = el('table');
  readonly element = el(
    'section',
    { class: 'figure-table', 'aria-label': 'Figures' },
    this.odds,
    this.table,
  );

  update(model: DetailModel, at: Levels): void {
    this.drawOdds(beats(model));
    const all = model.sides.map((s) => figures(s, model.levels, at));
    const pair = all.length > 1;
    // The difference reads chosen minus rejected, whichever half was opened.
    const flip = model.own.detail.kind === 'rejected';
    const head = el(
      'tr',
      {},
      el('td'),
      ...model.sides.map((s) => el('th', { scope: 'col', class: `side-${s.colour}` }, s.name)),
      ...(pair ? [el('th', { scope: 'col', title: 'chosen − rejected' }, 'difference')] : []),
    );
    const shape = model.levels.length > 1;
    const shown = shape ? lines(at) : [SCORE];
    const rows = shown.map(({ label, hint, value, whole }) => {
      const values = all.map(value);
      const show = (v: number) => (whole ? String(v) : decimals(v));
      const [a = Number.NaN, b = Number.NaN] = values;
      const difference = flip ? b - a : a - b;
      // Fewer modes or crossings are not a margin.
      const said = whole ? '' : (difference > 0 ? '+' : '') + decimals(difference);
      return el(
        'tr',
        { title: hint },
        el('th', { scope: 'row' }, label),
        ...values.map((v) => el('td', {}, show(v))),
        ...(pair ? [el('td', { class: 'difference' }, said)] : []),
      );
    });
    const percentile = el(
      'tr',
      { title: `Share of the file’s responses with a lower ${shape ? 'left tail' : 'score'}` },
      el('th', { scope: 'row' }, 'Percentile in file'),
      ...model.sides.map((s) =>
        el('td', {}, s.detail.percentile === null ? '–' : percent(s.detail.percentile)),
      ),
      ...(pair ? [el('td')] : []),
    );
    this.table.replaceChildren(el('thead', {}, head), el('tbody', {}, ...rows, percentile));
  }

  private drawOdds(probability: number | undefined): void {
    this.odds.hidden = probability === undefined;
    if (probability === undefined) return;
    const bar = el('div', { class: 'odds-bar', 'aria-hidden': 'true' }, el('div'));
    (bar.firstElementChild as HTMLElement).style.width = `${100 * probability}%`;
    this.odds.replaceChildren(
      el('span', { class: 'label' }, 'P(chosen beats rejected)'),
      el('strong', {}, percent(probability)),
      bar,
    );
  }
}

/** All that a model with one number a response says. */
const SCORE: Line = {
  label: 'Score',
  hint: 'The model gives one number a response (K = 1), not a distribution',
  value: (f) => f.expectation,
};

const share = (level: number): string => `${+(level * 100).toFixed(2)} %`;

function lines({ tau, lambda, cvarLevel }: Levels): Line[] {
  return [
    {
      label: 'Mean',
      hint: 'Mean of the quantiles: the published score',
      value: (f) => f.expectation,
    },
    {
      label: `Left tail ${tailName(tau)}`,
      hint: `The reward that all but the worst ${share(tau)} exceed`,
      value: (f) => f.tail,
    },
    {
      label: `CVaR ${share(cvarLevel)}`,
      hint: `Mean reward of the worst ${share(cvarLevel)}`,
      value: (f) => f.cvar,
    },
    {
      label: `Certainty equivalent`,
      hint: `The sure reward worth as much at λ = ${lambda}`,
      value: (f) => f.certaintyEquivalent,
    },
    { label: 'Spread q95 − q05', hint: 'Width of the middle 90 %', value: (f) => f.spread },
    { label: 'Modes', hint: 'Peaks of the density', value: (f) => f.modes, whole: true },
    {
      label: 'Crossings',
      hint: 'Neighbouring levels whose raw quantiles cross',
      value: (f) => f.crossings,
      whole: true,
    },
  ];
}
