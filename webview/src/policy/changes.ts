import { count, decimals, plural } from '../../../server/src/protocol/index.js';
import { objectiveName, type Objective } from '../../../server/src/policy/index.js';
import { visible } from '../data/visible.js';
import { el } from '../ui/dom.js';
import type { Change, PolicyModel } from './model.js';

/** Prompts shown; the others are told in number. */
const SHOWN = 50;

export interface ChangeEvents {
  readonly texts: (responses: readonly number[]) => void;
  readonly reveal: (response: number) => void;
}

/** The prompts whose best response changes between the mean and an objective, side by side. */
export class ChangeList {
  readonly element = el('section', {
    class: 'changes',
    'aria-label': 'Prompts whose choice changes',
  });
  private readonly excerpts = new Map<number, string>();
  private readonly holders = new Map<number, HTMLElement[]>();
  private shown = '';

  constructor(private readonly events: ChangeEvents) {}

  update(model: PolicyModel, objective: Objective | undefined): void {
    if (objective === undefined) {
      this.shown = '';
      this.element.replaceChildren(
        el(
          'p',
          { class: 'dim' },
          'Choose an objective in the chart or the table: the prompts that it decides otherwise than the mean are listed here.',
        ),
      );
      return;
    }
    const name = objectiveName(objective);
    const all = model.changes(objective);
    const key = JSON.stringify([name, model.source.epoch, model.source.revision]);
    if (key === this.shown) return;
    this.shown = key;
    this.holders.clear();
    const title = `${plural(all.length, 'prompt')} of ${count(model.prompts)} where ${name} has another best response than the mean`;
    const items = all.slice(0, SHOWN).map((c) => this.item(model, name, c));
    const more = all.length - items.length;
    this.element.replaceChildren(
      el('h2', {}, title),
      ...items,
      ...(more > 0 ? [el('p', { class: 'dim' }, `${count(more)} more`)] : []),
    );
    const wanted = [...this.holders.keys()].filter((id) => !this.excerpts.has(id));
    if (wanted.length > 0) this.events.texts(wanted);
  }

  /** Of responses whose texts were asked for. */
  tell(texts: readonly { readonly response: number; readonly excerpt: string }[]): void {
    for (const { response, excerpt } of texts) {
      this.excerpts.set(response, excerpt);
      for (const holder of this.holders.get(response) ?? []) holder.textContent = visible(excerpt);
    }
  }

  /** Response numbers of another epoch mean other texts. */
  forget(): void {
    this.excerpts.clear();
    this.shown = '';
  }

  private item(model: PolicyModel, name: string, change: Change): HTMLElement {
    const side = (label: string, sample: number): HTMLElement => {
      const response = model.source.responses[sample] ?? 0;
      const { mean, q05 } = model.figuresOf(sample);
      const text = el('p', { class: 'excerpt' }, visible(this.excerpts.get(response) ?? '…'));
      this.holders.set(response, [...(this.holders.get(response) ?? []), text]);
      const open = el(
        'button',
        { type: 'button', class: 'link', title: 'Show in the text' },
        label,
      );
      open.addEventListener('click', () => this.events.reveal(response));
      return el(
        'div',
        { class: 'choice' },
        el(
          'header',
          {},
          open,
          el('span', { class: 'dim' }, `mean ${decimals(mean)} · q05 ${decimals(q05)}`),
        ),
        text,
      );
    };
    return el(
      'article',
      {},
      el('h3', {}, `Row ${change.row + 1}`),
      el(
        'div',
        { class: 'pair' },
        side('by the mean', change.byMean),
        side(`by ${name}`, change.byObjective),
      ),
    );
  }
}
