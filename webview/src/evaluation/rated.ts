import { count, decimals, type RatedResult } from '../../../server/src/protocol/index.js';
import { visible } from '../data/visible.js';
import { el } from '../ui/dom.js';

const HEADS = ['attribute', 'by', 'responses', 'rank correlation', 'AUROC', 'pinball', 'constant', 'coverage miss']; // prettier-ignore

/** What a model says of rated responses, by attribute. */
export function ratedTable({ name, attributes }: RatedResult): HTMLElement {
  const head = HEADS.map((text, n) => el('th', { scope: 'col', class: n > 1 ? 'n' : undefined }, text)); // prettier-ignore
  const rows = attributes.map(({ attribute, predictedBy, figures: f }) =>
    el(
      'tr',
      {},
      el('th', { scope: 'row' }, visible(attribute)),
      el('td', {}, predictedBy),
      ...[
        count(f.responses),
        decimals(f.rankCorrelation),
        f.auroc === undefined ? '' : decimals(f.auroc),
        decimals(f.pinball),
        decimals(f.baseline),
        decimals(f.quantileMiss),
      ].map((text) => el('td', { class: 'n' }, text)),
    ),
  );
  return el(
    'section',
    { 'aria-label': `Rated responses, by ${name}` },
    el('h2', {}, `Rated responses, by ${visible(name)}`),
    el(
      'div',
      {
        class: 'numbers evaluation-table',
        tabindex: 0,
        role: 'region',
        'aria-label': 'Attributes',
      },
      el('table', {}, el('thead', {}, el('tr', {}, ...head)), el('tbody', {}, ...rows)),
    ),
  );
}
