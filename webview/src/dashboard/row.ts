import {
  count,
  decimals,
  FINDING_CODES,
  FINDING_SEVERITIES,
  percent,
  RESPONSE_KINDS,
} from '../../../server/src/protocol/index.js';
import type { Document } from '../data/documents.js';
import { NO_FINDING, type Rows } from '../data/rows.js';
import { visible } from '../data/visible.js';
import { el, svgIcon } from '../ui/dom.js';
import type { Texts } from './texts.js';
import { Whisker, type WhiskerScale } from './charts/whisker.js';

/** One row of the page, filled again and again. */
export class RowView {
  private readonly cells: HTMLElement[];
  private readonly whisker = new Whisker();
  readonly element: HTMLElement;
  private severity = '';

  constructor() {
    const classes = [
      'severity',
      'code',
      'line',
      'kind',
      'tail',
      'expectation',
      'beats',
      'distribution',
      'text',
    ];
    this.cells = classes.map((c, n) =>
      el('div', { role: 'gridcell', class: `cell ${c}`, 'aria-colindex': n + 1 }),
    );
    this.cells[7]?.append(this.whisker.element);
    this.cells[8]?.setAttribute('dir', 'auto');
    this.element = el('div', { role: 'row', class: 'row' }, ...this.cells);
  }

  show(
    n: number,
    active: boolean,
    rows: Rows,
    i: number,
    d: Document,
    texts: Texts,
    scale: WhiskerScale,
    compared: boolean,
  ): void {
    const { element } = this;
    const { responses } = d;
    const r = rows.response[i] as number;
    const code = rows.code[i] as number;
    element.id = `row-${n}`;
    element.dataset.n = String(n);
    element.setAttribute('aria-rowindex', String(n + 2));
    element.setAttribute('aria-selected', String(active));
    element.classList.toggle('active', active);
    element.classList.toggle('second', rows.document[i] === 1);
    this.setSeverity(rows.severity[i] as number, compared ? d.name : '');
    const text = texts.get(d, r);
    const finding = text?.findings.find((f) => f.code === FINDING_CODES[code]);
    const kind = RESPONSE_KINDS[responses.kind[r] as number] ?? '';
    const set = (cell: number, value: string) => {
      const c = this.cells[cell];
      if (c && c.textContent !== value) c.textContent = value;
    };
    set(1, code === NO_FINDING ? '' : (FINDING_CODES[code] ?? ''));
    set(2, count((responses.line[r] ?? 0) + 1));
    set(3, text?.label ? visible(text.label) : kind);
    set(4, decimals(responses.tail[r] ?? Number.NaN));
    set(5, decimals(responses.expectation[r] ?? Number.NaN));
    set(6, percent(responses.pairBeats(r), 0));
    this.whisker.show(responses, r, d.summary.tau, scale);
    const excerpt = text === undefined ? '' : visible(text.excerpt.trim());
    set(8, text === undefined ? '…' : excerpt);
    element.title = finding ? visible(finding.message) : '';
  }

  /** Only the colour of the row's edge tells compared files apart on screen: here it is in words. */
  private setSeverity(severity: number, file: string): void {
    const name = FINDING_SEVERITIES[severity];
    const said = [name, file].filter(Boolean).join(', ');
    if (said === this.severity) return;
    this.severity = said;
    const icon = name === undefined ? [] : [svgIcon(name, name)];
    this.cells[0]?.replaceChildren(...icon, el('span', { class: 'hidden-text' }, said));
  }
}
