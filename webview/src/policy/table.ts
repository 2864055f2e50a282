import { count, decimals, fine } from '../../../server/src/protocol/index.js';
import { objectiveName, type Estimate, type Objective } from '../../../server/src/policy/index.js';
import type { Theme } from '../charts/theme.js';
import { el } from '../ui/dom.js';
import type { PolicyPoint, PolicyRow } from './model.js';
import { COLOURS } from './plots.js';

const between = ({ low, high }: Estimate): string => `${fine(low)} to ${fine(high)}`;

const HEADS = [
  'objective',
  'KL',
  'ESS',
  'mean',
  'q05',
  'q25',
  'CVaR 20 %',
  'mean − mean’s',
  'q05 − mean’s',
  'another best of n',
];

/** The objectives at the sliders' place; a click lists the prompts that an objective decides otherwise. */
export class PolicyTable {
  readonly element: HTMLElement;
  private readonly body = el('tbody');

  constructor(private readonly choose: (objective: Objective) => void) {
    const head = el(
      'tr',
      {},
      ...HEADS.map((name, n) => el('th', { class: n > 0 ? 'n' : undefined, scope: 'col' }, name)),
    );
    this.element = el(
      'div',
      { class: 'numbers policy-table' },
      el('table', {}, el('thead', {}, head), this.body),
    );
  }

  update(
    reference: PolicyPoint,
    rows: readonly PolicyRow[],
    selected: Objective | undefined,
    theme: Theme,
  ): void {
    const name = selected && objectiveName(selected);
    this.body.replaceChildren(
      row([el('span', { class: 'dim' }, 'reference')], reference, undefined, ''),
      ...rows.map((r, n) => {
        const swatch = el('span', { class: 'swatch' });
        swatch.style.background = theme.colours[COLOURS[n % COLOURS.length]!];
        const button = el(
          'button',
          { type: 'button', class: 'link', 'aria-pressed': String(r.name === name) },
          r.name,
        );
        // The mean differs from itself nowhere.
        if (n === 0) button.disabled = true;
        else button.addEventListener('click', () => this.choose(r.objective));
        const made = row([swatch, button], r.point, r.differences, n === 0 ? '' : count(r.changed));
        made.classList.toggle('selected', r.name === name);
        return made;
      }),
    );
  }
}

function row(
  head: readonly Node[],
  { kl, ess, figures }: PolicyPoint,
  differences: PolicyRow['differences'],
  changed: string,
): HTMLTableRowElement {
  const difference = (e: Estimate | undefined): HTMLElement => {
    if (e === undefined) return el('td', { class: 'n' });
    const sure = e.low > 0 || e.high < 0;
    const kind = sure ? (e.value > 0 ? ' better' : ' worse') : '';
    return el(
      'td',
      { class: `n${kind}`, title: '95 % by bootstrap over prompts' },
      fine(e.value),
      el('small', {}, between(e)),
    );
  };
  return el(
    'tr',
    {},
    el('th', { scope: 'row' }, ...head),
    ...[
      decimals(kl, 2),
      decimals(ess, 1),
      ...(['mean', 'q05', 'q25', 'cvar'] as const).map((f) => decimals(figures[f])),
    ].map((text) => el('td', { class: 'n' }, text)),
    difference(differences?.mean),
    difference(differences?.q05),
    el('td', { class: 'n' }, changed),
  );
}
