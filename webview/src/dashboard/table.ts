import { percent, tailName } from '../../../server/src/protocol/index.js';
import { DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import { hasDistribution, type Document } from '../data/documents.js';
import type { Rows, SortName } from '../data/rows.js';
import { contentHeight, rowWindow, scrollToRow } from '../data/window.js';
import { button, el, perFrame, svgIcon } from '../ui/dom.js';
import type { Texts } from './texts.js';
import { RowView } from './row.js';
import type { WhiskerScale } from './charts/whisker.js';

const ROW_HEIGHT = 24;

export interface Item {
  readonly document: number;
  readonly response: number;
  /** NO_FINDING for a response without one. */
  readonly code: number;
}

export interface TableEvents {
  /** The active row changed by the user's hand. */
  readonly moved: (item: Item) => void;
  /** Enter or double-click: to the text, with focus. */
  readonly opened: (item: Item) => void;
  readonly detailed: (item: Item) => void;
  readonly sorted: (by: SortName) => void;
}

interface Column {
  readonly title: string;
  readonly sort?: SortName;
  readonly className: string;
}

/** A table of any length: only the rows on screen are in the page (the ARIA grid pattern). */
export class FindingTable {
  readonly element: HTMLElement;
  private readonly head = el('div', { role: 'row', class: 'row head', 'aria-rowindex': 1 });
  private readonly body = el('div', { class: 'rows', role: 'rowgroup' });
  private readonly content = el('div', { class: 'scrolled' });
  private readonly scroller = el('div', { class: 'scroller', role: 'presentation' });
  private readonly empty = el('p', { class: 'empty', hidden: true });
  private readonly pool: RowView[] = [];
  private rows: Rows | undefined;
  private documents: readonly Document[] = [];
  private scale: WhiskerScale = { low: 0, high: 1 };
  private active = -1;
  readonly render = perFrame(() => this.draw());

  constructor(
    private readonly texts: Texts,
    private readonly events: TableEvents,
  ) {
    this.content.append(this.body);
    this.scroller.append(this.content);
    this.element = el(
      'div',
      {
        class: 'table',
        role: 'grid',
        tabindex: 0,
        'aria-label': 'Findings',
        'aria-readonly': 'true',
        'aria-colcount': 9,
      },
      el('div', { role: 'rowgroup', class: 'head-group' }, this.head),
      this.scroller,
      this.empty,
    );
    this.scroller.addEventListener('scroll', this.render, { passive: true });
    new ResizeObserver(this.render).observe(this.scroller);
    this.element.addEventListener('keydown', (e) => {
      if (this.key(e)) e.preventDefault();
    });
    this.body.addEventListener('click', (e) => this.clicked(e, false));
    this.body.addEventListener('dblclick', (e) => this.clicked(e, true));
  }

  update(
    rows: Rows,
    documents: readonly Document[],
    sort: { by: SortName; descending: boolean },
    scale: WhiskerScale,
    emptyText: string,
  ): void {
    const before = this.item(this.active);
    this.rows = rows;
    this.documents = documents;
    this.scale = scale;
    this.element.classList.toggle('compared', documents.length > 1);
    this.element.setAttribute('aria-rowcount', String(rows.order.length + 1));
    this.content.style.height = `${contentHeight(rows.order.length, ROW_HEIGHT)}px`;
    this.empty.hidden = rows.order.length > 0;
    this.empty.textContent = emptyText;
    this.drawHead(sort);
    // The row that was active stays so, wherever it went.
    this.active =
      before === undefined ? -1 : this.find(before.document, before.response, before.code);
    this.render();
  }

  /** Moves to a response that was chosen elsewhere. @returns whether it is among the rows. */
  show(document: number, response: number): boolean {
    const at = this.find(document, response);
    const found = at >= 0;
    this.active = at;
    if (found) this.scrollTo(at);
    this.render();
    return found;
  }

  private find(document: number, response: number, code?: number): number {
    const { rows } = this;
    if (rows === undefined) return -1;
    let other = -1;
    for (let n = 0; n < rows.order.length; n++) {
      const i = rows.order[n] as number;
      if (rows.response[i] !== response || rows.document[i] !== document) continue;
      if (code === undefined || rows.code[i] === code) return n;
      if (other < 0) other = n;
    }
    return other;
  }

  private item(n: number): Item | undefined {
    const { rows } = this;
    const i = rows?.order[n];
    if (rows === undefined || i === undefined) return undefined;
    return {
      document: rows.document[i] as number,
      response: rows.response[i] as number,
      code: rows.code[i] as number,
    };
  }

  private scrollTo(n: number): void {
    const total = this.rows?.order.length ?? 0;
    const { clientHeight, scrollTop } = this.scroller;
    this.scroller.scrollTop = scrollToRow(n, total, ROW_HEIGHT, clientHeight, scrollTop);
  }

  private key(e: KeyboardEvent): boolean {
    const total = this.rows?.order.length ?? 0;
    // The header's buttons have keys of their own.
    if (total === 0 || e.target !== this.element || e.altKey) return false;
    const page = Math.max(Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 1, 1);
    const steps: Record<string, number> = {
      ArrowDown: this.active + 1,
      ArrowUp: this.active < 0 ? 0 : this.active - 1,
      PageDown: this.active + page,
      PageUp: this.active - page,
      Home: 0,
      End: total - 1,
    };
    const to = steps[e.key];
    const item = this.item(this.active);
    if (to !== undefined) {
      this.active = Math.min(Math.max(to, 0), total - 1);
      this.scrollTo(this.active);
      this.render();
      const now = this.item(this.active);
      if (now) this.events.moved(now);
      return true;
    }
    if (item === undefined) return false;
    if (e.key === 'Enter') {
      if (e.ctrlKey || e.metaKey) this.events.detailed(item);
      else this.events.opened(item);
    } else if (e.key === ' ') this.events.moved(item);
    else return false;
    return true;
  }

  private clicked(e: MouseEvent, twice: boolean): void {
    const row = (e.target as Element).closest<HTMLElement>('[data-n]');
    const n = Number(row?.dataset.n ?? -1);
    const item = this.item(n);
    if (item === undefined) return;
    this.active = n;
    this.render();
    if (twice) this.events.opened(item);
    else this.events.moved(item);
  }

  private drawHead({ by, descending }: { by: SortName; descending: boolean }): void {
    const first = this.documents[0]?.summary;
    const shape = first === undefined || hasDistribution(first);
    const tail = shape ? tailName(first?.tau ?? DEFAULT_TAU) : 'Score';
    const columns: Column[] = [
      { title: 'Severity', sort: 'severity', className: 'severity' },
      { title: 'Finding', sort: 'code', className: 'code' },
      { title: 'Line', sort: 'line', className: 'line' },
      { title: 'Response', sort: 'kind', className: 'kind' },
      { title: tail, sort: 'tail', className: 'tail' },
      { title: 'Mean', sort: 'expectation', className: 'expectation' },
      { title: 'P(c ≻ r)', sort: 'beats', className: 'beats' },
      { title: 'Distribution', sort: 'spread', className: 'distribution' },
      { title: 'Text', className: 'text' },
    ];
    const hints: Record<string, string> = {
      tail: !shape
        ? 'The one number that the model gives'
        : `${tail}: the reward that all but the worst ${percent(this.documents[0]?.summary.tau ?? DEFAULT_TAU, 0)} exceed`,
      expectation: 'Mean of the reward’s distribution: the published score',
      beats: 'Probability that the chosen response beats the rejected one',
      distribution: !shape
        ? 'The model gives one number a response'
        : `${tail} to q95, the tick is the mean; sorts by width`,
    };
    const focused =
      document.activeElement instanceof HTMLElement
        ? document.activeElement.dataset.sort
        : undefined;
    this.head.replaceChildren(
      ...columns.map((c, n) => {
        const cell = el('div', {
          role: 'columnheader',
          class: `cell ${c.className}`,
          'aria-colindex': n + 1,
          'aria-sort': c.sort === by ? (descending ? 'descending' : 'ascending') : undefined,
        });
        const { sort } = c;
        if (sort === undefined) cell.append(c.title);
        else {
          const b = button(c.title, undefined, () => this.events.sorted(sort), {
            title: hints[c.className] ?? `Sort by ${c.title.toLowerCase()}`,
            'data-sort': sort,
          });
          if (sort === by) b.append(svgIcon(descending ? 'down' : 'up', 'sort'));
          cell.append(b);
        }
        return cell;
      }),
    );
    if (focused !== undefined)
      this.head.querySelector<HTMLElement>(`[data-sort="${focused}"]`)?.focus();
  }

  private draw(): void {
    const { rows, scroller } = this;
    if (rows === undefined) return;
    const total = rows.order.length;
    const { from, to, top } = rowWindow(
      total,
      ROW_HEIGHT,
      scroller.clientHeight,
      scroller.scrollTop,
    );
    this.body.style.transform = `translateY(${top}px)`;
    while (this.pool.length < to - from) this.pool.push(new RowView());
    const shown = this.pool.slice(0, to - from);
    if (this.body.childElementCount !== shown.length)
      this.body.replaceChildren(...shown.map((r) => r.element));
    const wanted = new Map<number, number[]>();
    shown.forEach((view, k) => {
      const n = from + k;
      const i = rows.order[n] as number;
      const d = rows.document[i] as number;
      const r = rows.response[i] as number;
      const list = wanted.get(d);
      if (list) list.push(r);
      else wanted.set(d, [r]);
      view.show(
        n,
        n === this.active,
        rows,
        i,
        this.documents[d] as Document,
        this.texts,
        this.scale,
        this.documents.length > 1,
      );
    });
    if (this.active >= from && this.active < to)
      this.element.setAttribute('aria-activedescendant', `row-${this.active}`);
    else this.element.removeAttribute('aria-activedescendant');
    for (const [d, responses] of wanted) this.texts.want(this.documents[d] as Document, responses);
  }
}
