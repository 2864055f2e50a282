import { percent } from '../../../server/src/evaluation/words.js';
import {
  count,
  decimals,
  plural,
  type RowResult,
  type WrongItem,
} from '../../../server/src/protocol/index.js';
import { visible } from '../data/visible.js';
import { el } from '../ui/dom.js';

/** Items drawn at first, and with each press of the button. */
const PAGE = 100;

/** What a row of the table got wrong, the surest mistakes first; a button jumps to the item's row in its file. */
export class WrongList {
  readonly element = el('section', { class: 'wrong', 'aria-label': 'Wrong items' });
  private shown = PAGE;

  constructor(private readonly reveal: (item: WrongItem) => void) {}

  /** @param names of the files */
  show({ name, wrong }: RowResult, names: readonly string[]): void {
    this.shown = PAGE;
    this.draw(name, wrong, names);
  }

  private draw(name: string, wrong: RowResult['wrong'], names: readonly string[]): void {
    const items = wrong.first.slice(0, this.shown);
    const title = `${plural(wrong.items, 'wrong item')} of ${visible(name)}, the surest mistakes first`;
    const list = el('ol', {}, ...items.map((item) => this.item(item, names)));
    const more = el('button', { type: 'button', class: 'secondary' }, 'Show more');
    more.hidden = wrong.first.length <= this.shown;
    more.addEventListener('click', () => {
      const from = this.shown;
      this.shown += PAGE;
      this.draw(name, wrong, names);
      // The keyboard goes on where it was.
      this.element.querySelectorAll<HTMLButtonElement>('ol button')[from]?.focus();
    });
    const rest = wrong.items - Math.min(wrong.first.length, this.shown);
    this.element.replaceChildren(
      el('h2', {}, title),
      list,
      more,
      ...(rest > 0 && more.hidden
        ? [
            el(
              'p',
              { class: 'dim' },
              `${count(rest)} more: qrm evaluate --items FILE lists all of them`,
            ),
          ]
        : []),
    );
  }

  private item(item: WrongItem, names: readonly string[]): HTMLElement {
    const file = names[item.file] ?? '';
    const place = `${file}, line ${count(item.line + 1)}`;
    const partly = item.credit > 0 ? `, credit ${percent(item.credit)} %` : '';
    const margin = Number.isNaN(item.margin) ? 'no score' : `margin ${decimals(item.margin)}`;
    const open = el(
      'button',
      { type: 'button', class: 'link' },
      el('span', {}, visible(item.prompt === '' ? place : item.prompt)),
    );
    open.addEventListener('click', () => this.reveal(item));
    const id = item.id === undefined ? '' : ` · ${visible(item.id)}`;
    return el(
      'li',
      {},
      open,
      el('small', {}, `${visible(item.subset)}${id} · ${visible(place)} · ${margin}${partly}`),
    );
  }
}
