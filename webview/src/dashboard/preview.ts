import {
  count,
  FINDING_CODES,
  REMOVED_KIND,
  RESPONSE_KINDS,
} from '../../../server/src/protocol/index.js';
import type { Document } from '../data/documents.js';
import { visible } from '../data/visible.js';
import { button, el, svgIcon } from '../ui/dom.js';
import type { Item } from './table.js';
import type { Texts } from './texts.js';

/** The chosen response in words, below the table. */
export class Preview {
  readonly element: HTMLElement;
  private readonly place = el('strong');
  private readonly messages = el('ul', { class: 'messages' });
  private readonly excerpt = el('p', { class: 'excerpt', dir: 'auto' });
  private item: Item | undefined;

  constructor(actions: {
    readonly open: (item: Item) => void;
    readonly detail: (item: Item) => void;
  }) {
    const act = (run: (item: Item) => void) => () => {
      if (this.item) run(this.item);
    };
    this.element = el(
      'section',
      { class: 'preview', 'aria-label': 'Chosen response', hidden: true },
      el(
        'header',
        {},
        this.place,
        button('Open in Text', 'open', act(actions.open), {
          class: 'secondary',
          title: 'Go to the text (Enter)',
        }),
        button('Distribution', 'detail', act(actions.detail), {
          class: 'secondary',
          title: 'Open the distribution view (Ctrl+Enter)',
        }),
      ),
      el('div', { class: 'preview-text', 'aria-live': 'polite' }, this.messages, this.excerpt),
    );
  }

  show(item: Item | undefined, documents: readonly Document[], texts: Texts): void {
    this.item = item;
    const d = item && documents[item.document];
    this.element.hidden = d === undefined;
    if (item === undefined || d === undefined) return;
    const { responses } = d;
    const text = texts.get(d, item.response);
    if (text === undefined) texts.want(d, [item.response]);
    const kind = text?.label
      ? visible(text.label)
      : (RESPONSE_KINDS[responses.kind[item.response] ?? REMOVED_KIND] ?? 'response');
    const file = documents.length > 1 ? `${d.name}, ` : '';
    this.place.textContent = `${file}line ${count((responses.line[item.response] ?? 0) + 1)}, ${kind}`;
    const own = FINDING_CODES[item.code];
    const findings = [...(text?.findings ?? [])].sort(
      (a, b) => Number(b.code === own) - Number(a.code === own),
    );
    this.messages.replaceChildren(
      ...findings.map((f) => el('li', {}, svgIcon(f.severity, f.severity), visible(f.message))),
    );
    this.excerpt.textContent = text === undefined ? '…' : visible(text.excerpt.trim(), true);
  }
}
