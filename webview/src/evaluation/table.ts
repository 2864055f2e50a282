import {
  mainOf,
  percent,
  publishedFor,
  withInterval,
} from '../../../server/src/evaluation/words.js';
import { count, type Estimate, type SuiteResult } from '../../../server/src/protocol/index.js';
import { visible } from '../data/visible.js';
import { el } from '../ui/dom.js';
import { scaleOf, suiteScale } from './model.js';

/** An estimate as a line from end to end of its interval with a tick at the value; its figures stand beside it. */
function whisker(
  { value, low, high }: Estimate,
  scale: { low: number; high: number },
): HTMLElement {
  const share = (v: number): number => (100 * (v - scale.low)) / (scale.high - scale.low || 1);
  const bar = el('span', { class: 'bar' });
  const tick = el('span', { class: 'tick' });
  const drawn = el('div', { class: 'interval', 'aria-hidden': 'true' }, bar, tick);
  drawn.hidden = Number.isNaN(value);
  bar.style.left = `${share(low)}%`;
  bar.style.width = `${Math.max(share(high) - share(low), 0.5)}%`;
  tick.style.left = `${share(value)}%`;
  return drawn;
}

const cell = (text: string): HTMLElement => el('td', { class: 'n' }, text);
const heads = (names: readonly string[]): HTMLElement =>
  el(
    'thead',
    {},
    el('tr', {}, ...names.map((name, n) => el('th', { scope: 'col', class: n > 0 ? 'n' : undefined }, visible(name)))), // prettier-ignore
  );
const framed = (label: string, table: HTMLElement): HTMLElement =>
  el(
    'div',
    { class: 'numbers evaluation-table', role: 'region', 'aria-label': label, tabindex: 0 },
    table,
  );

/** The rows of a suite, each with its interval drawn; a button chooses the row that the charts are of. */
export function mainTable(
  suite: SuiteResult,
  chosen: number,
  choose: (row: number) => void,
): HTMLElement {
  const first = suite.rows[0]!;
  const scale = suiteScale(suite);
  const ends = `${percent(scale.low)} – ${percent(scale.high)}`;
  const own = !Number.isNaN(first.total.value);
  const sections = first.sections.map(({ name }) => name);
  const body = suite.rows.map((row, n) => {
    const button = el(
      'button',
      { type: 'button', class: 'link', 'aria-pressed': String(n === chosen), title: row.kind },
      visible(row.name),
    );
    button.addEventListener('click', () => choose(n));
    const main = mainOf(row);
    return el(
      'tr',
      { class: n === chosen ? 'selected' : undefined },
      el('th', { scope: 'row' }, button, el('small', {}, visible(row.kind))),
      cell(withInterval(main)),
      el('td', {}, whisker(main, scale)),
      ...row.sections.map((s) => cell(percent(s.value))),
      cell(count(row.wrong.items)),
    );
  });
  const others = publishedFor(suite).map((p) =>
    el(
      'tr',
      { class: 'published' },
      el('th', { scope: 'row' }, p.model, el('small', {}, `published: ${p.source}`)),
      cell(p.total.toFixed(1)),
      el('td'),
      ...sections.map((_, n) => cell(p.parts[n]?.toFixed(1) ?? '')),
      el('td'),
    ),
  );
  const names = ['model', `${own ? first.total.name : 'All items'} (95 % interval)`, ends, ...sections, 'wrong']; // prettier-ignore
  return framed(
    `${suite.title}: models`,
    el('table', {}, heads(names), el('tbody', {}, ...body, ...others)),
  );
}

/** By subset, all rows beside one another; undefined where there is only one. */
export function subsetTable(suite: SuiteResult): HTMLElement | undefined {
  const first = suite.rows[0]!;
  if (first.subsets.length < 2) return undefined;
  const scale = scaleOf(suite.rows.flatMap(({ subsets }) => subsets));
  const body = first.subsets.map((subset, s) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, visible(subset.name)),
      cell(count(subset.items)),
      ...suite.rows.flatMap((row) => [
        cell(withInterval(row.subsets[s]!)),
        el('td', {}, whisker(row.subsets[s]!, scale)),
      ]),
    ),
  );
  const ends = `${percent(scale.low)} – ${percent(scale.high)}`;
  const names = ['subset', 'items', ...suite.rows.flatMap(({ name }) => [name, ends])];
  return framed(`${suite.title}: subsets`, el('table', {}, heads(names), el('tbody', {}, ...body)));
}
