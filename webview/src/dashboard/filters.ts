import { DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import {
  count,
  FINDING_CODES,
  FINDING_SEVERITIES,
  tailName,
} from '../../../server/src/protocol/index.js';
import { OPEN, rangeText, type Range } from '../data/brush.js';
import type { Document } from '../data/documents.js';
import { MEASURES, type MeasureName } from '../data/responses.js';
import { ALL_CODES, ALL_SEVERITIES, type Listing } from '../data/rows.js';
import type { DashboardState } from '../state.js';
import { button, debounced, el, svgIcon } from '../ui/dom.js';

export interface FilterEvents {
  readonly changed: (part: Partial<DashboardState>) => void;
  readonly exportCsv: () => void;
}

/** Toggles one bit: from "all" to this alone, and back to "all" when none is left. */
export function toggleBit(bits: number, bit: number, all: number): number {
  if (bits === all) return 1 << bit;
  const next = bits ^ (1 << bit);
  return next === 0 ? all : next;
}

/** What the table shows: by severity, code, text and the ranges brushed. */
export class FilterBar {
  readonly element: HTMLElement;
  private readonly severities: HTMLButtonElement[];
  private readonly codes: HTMLButtonElement[];
  private readonly listings: HTMLButtonElement[];
  private readonly search = el('input', {
    type: 'text',
    placeholder: 'Filter text, message or code',
    'aria-label': 'Filter by text, message or code',
    spellcheck: 'false',
  });
  private readonly result = el('span', { class: 'result', role: 'status' });
  private readonly chips = el('div', { class: 'chips' });
  private readonly ranges = el('div', { class: 'ranges', hidden: true, id: 'ranges' });
  private readonly inputs = new Map<MeasureName, [HTMLInputElement, HTMLInputElement]>();
  private readonly rangeButton: HTMLButtonElement;
  private state: DashboardState | undefined;

  constructor(private readonly events: FilterEvents) {
    const toggle = (kind: 'codes' | 'severities', bit: number, all: number) => () => {
      if (this.state) events.changed({ [kind]: toggleBit(this.state[kind], bit, all) });
    };
    this.severities = FINDING_SEVERITIES.map((name, s) => {
      const label = { error: 'Errors', warning: 'Warnings', info: 'Information' }[name];
      const b = button('', undefined, toggle('severities', s, ALL_SEVERITIES), {
        class: 'toggle',
        title: label,
        'aria-label': label,
      });
      b.append(svgIcon(name, name), el('span', { class: 'count' }));
      return b;
    });
    this.codes = FINDING_CODES.map((code, c) => {
      const b = button(code, undefined, toggle('codes', c, ALL_CODES), { class: 'toggle code' });
      b.append(el('span', { class: 'count' }));
      return b;
    });
    const listing = (name: Listing, label: string) =>
      button(label, undefined, () => events.changed({ listing: name }), {
        class: 'segment',
        'data-listing': name,
        title: name === 'findings' ? 'One row a finding' : 'One row a response, found or not',
      });
    this.listings = [listing('findings', 'Findings'), listing('responses', 'Responses')];
    const typed = debounced(() => events.changed({ text: this.search.value }), 200);
    this.search.addEventListener('input', typed);
    // Left before the pause: a redraw would put the text of before into the field.
    this.search.addEventListener('change', () => events.changed({ text: this.search.value }));
    this.search.addEventListener('keydown', (e) => {
      if (e.key !== 'Escape' || this.search.value === '') return;
      this.search.value = '';
      events.changed({ text: '' });
    });
    this.rangeButton = button('Ranges', undefined, () => this.toggleRanges(), {
      class: 'toggle',
      'aria-expanded': 'false',
      'aria-controls': 'ranges',
      title: 'Type the ranges that the charts select',
    });
    for (const name of MEASURES) this.ranges.append(this.rangeFields(name));
    this.element = el(
      'section',
      { class: 'filters', 'aria-label': 'Filters' },
      el(
        'div',
        { class: 'filter-line main' },
        el('div', { class: 'segments', role: 'group', 'aria-label': 'Rows' }, ...this.listings),
        el('div', { class: 'group', role: 'group', 'aria-label': 'Severity' }, ...this.severities),
        el('label', { class: 'search' }, svgIcon('search'), this.search),
        this.rangeButton,
        this.result,
        button('Export the rows as CSV', 'download', events.exportCsv, {
          class: 'icon-button',
          'aria-label': 'Export the rows as CSV',
          title: 'Export the rows as CSV',
        }),
      ),
      this.ranges,
      el(
        'div',
        { class: 'filter-line' },
        el('div', { class: 'group codes', role: 'group', 'aria-label': 'Finding' }, ...this.codes),
        this.chips,
      ),
    );
  }

  update(
    documents: readonly Document[],
    state: DashboardState,
    shown: { rows: number; of: number; searching: number },
  ): void {
    this.state = state;
    const severity = [0, 0, 0];
    for (const { findings } of documents) {
      for (let i = 0; i < findings.length; i++) {
        const s = findings.severity[i] as number;
        severity[s] = (severity[s] ?? 0) + 1;
      }
    }
    press(this.severities, state.severities, ALL_SEVERITIES, severity);
    const codes = FINDING_CODES.map((c) =>
      documents.reduce((sum, d) => sum + (d.summary.counts[c] ?? 0), 0),
    );
    press(this.codes, state.codes, ALL_CODES, codes);
    this.codes.forEach(
      (b, c) =>
        (b.hidden =
          codes[c] === 0 && (state.codes === ALL_CODES || (state.codes & (1 << c)) === 0)),
    );
    for (const b of this.listings)
      b.setAttribute('aria-pressed', String(b.dataset.listing === state.listing));
    if (document.activeElement !== this.search) this.search.value = state.text;
    const progress =
      shown.searching < 1 ? ` (searching, ${Math.floor(100 * shown.searching)} %)` : '';
    const text =
      shown.rows === shown.of ? count(shown.of) : `${count(shown.rows)} of ${count(shown.of)}`;
    this.result.replaceChildren(
      text,
      el('span', { class: 'noun' }, ` ${state.listing}${progress}`),
    );
    this.result.classList.toggle('filtered', shown.rows !== shown.of);
    this.drawChips(state, tailName(documents[0]?.summary.tau ?? DEFAULT_TAU));
    for (const [name, fields] of this.inputs) {
      fields.forEach((field, end) => {
        const v = state.brush[name]?.[end];
        if (document.activeElement !== field)
          field.value = v === undefined || Math.abs(v) >= OPEN ? '' : String(+v.toPrecision(5));
      });
    }
  }

  private drawChips(state: DashboardState, tail: string): void {
    const names: Record<MeasureName, string> = { expectation: 'mean', tail, margin: 'margin' };
    const chips = MEASURES.flatMap((name) => {
      const range = state.brush[name];
      if (range === undefined) return [];
      const text = `${names[name]} ${rangeText(range)}`;
      const chip = button(text, 'close', () => this.setRange(name, undefined), {
        class: 'chip',
        title: `Clear ${text}`,
      });
      chip.append(chip.firstElementChild as Node);
      return [chip];
    });
    const filtered =
      chips.length > 0 ||
      state.codes !== ALL_CODES ||
      state.severities !== ALL_SEVERITIES ||
      state.text !== '';
    const clear = button(
      'Clear all',
      'reset',
      () => {
        this.search.value = '';
        this.events.changed({ brush: {}, codes: ALL_CODES, severities: ALL_SEVERITIES, text: '' });
      },
      { class: 'link' },
    );
    this.chips.replaceChildren(...chips, ...(filtered ? [clear] : []));
  }

  private toggleRanges(): void {
    this.ranges.hidden = !this.ranges.hidden;
    this.rangeButton.setAttribute('aria-expanded', String(!this.ranges.hidden));
  }

  private setRange(name: MeasureName, range: Range | undefined): void {
    const brush = { ...this.state?.brush };
    if (range === undefined) delete brush[name];
    else brush[name] = range;
    this.events.changed({ brush });
  }

  private rangeFields(name: MeasureName): HTMLElement {
    const label = { expectation: 'Mean', tail: 'Left tail', margin: 'Margin' }[name];
    const field = (end: string) =>
      el('input', {
        type: 'text',
        inputmode: 'decimal',
        'aria-label': `${label} ${end}`,
        placeholder: end,
      });
    const low = field('from');
    const high = field('to');
    this.inputs.set(name, [low, high]);
    const apply = () => {
      const range = typedRange(low.value, high.value);
      const bad = range === null;
      for (const f of [low, high]) f.setAttribute('aria-invalid', String(bad));
      if (!bad) this.setRange(name, range);
    };
    for (const f of [low, high]) f.addEventListener('change', apply);
    return el(
      'div',
      { class: 'range', role: 'group', 'aria-label': label },
      el('span', {}, label),
      low,
      el('span', {}, 'to'),
      high,
    );
  }
}

/** Two typed ends; an empty one is open. Undefined: no range. Null: not a range. */
export function typedRange(low: string, high: string): Range | undefined | null {
  const number = (text: string, open: number) =>
    text.trim() === '' ? open : Number(text.trim().replace('−', '-').replace(',', '.'));
  const from = number(low, -OPEN);
  const to = number(high, OPEN);
  if (Number.isNaN(from) || Number.isNaN(to) || from > to) return null;
  return from <= -OPEN && to >= OPEN ? undefined : [from, to];
}

function press(
  buttons: readonly HTMLButtonElement[],
  bits: number,
  all: number,
  counts: readonly number[],
): void {
  buttons.forEach((b, n) => {
    b.setAttribute('aria-pressed', String(bits !== all && (bits & (1 << n)) !== 0));
    const counter = b.querySelector('.count');
    if (counter) counter.textContent = count(counts[n] ?? 0);
  });
}
