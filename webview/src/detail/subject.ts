import { count, type DetailResult } from '../../../server/src/protocol/index.js';
import { visible } from '../data/visible.js';
import { button, el, svgIcon } from '../ui/dom.js';
import type { DetailModel, Side } from './model.js';

/** What is looked at: the texts of both halves, their places and findings. */
export class Subject {
  readonly element = el('header', { class: 'subject' });
  private shown: { result: DetailResult | undefined; name: string } | undefined;

  constructor(
    private readonly actions: {
      readonly open: (s: Side) => void;
      readonly detail: (s: Side) => void;
    },
  ) {}

  update(result: DetailResult | undefined, model: DetailModel | undefined, name: string): void {
    // Rebuilt only for another response: a summary must not move the reader's scroll position.
    if (this.shown?.result === result && this.shown?.name === name) return;
    this.shown = { result, name };
    if (model === undefined) {
      const reason = result?.reason ?? 'Choose a response in the text or in the dashboard.';
      this.element.replaceChildren(
        el('h1', {}, 'Distribution'),
        el('p', { class: 'state' }, visible(reason)),
      );
      return;
    }
    const { detail } = model.own;
    const facts = [`row ${count(detail.row + 1)}`, `${count(detail.tokens)} tokens`];
    if (detail.truncatedTokens > 0)
      facts.push(`prompt cut by ${count(detail.truncatedTokens)} tokens`);
    this.element.replaceChildren(
      el(
        'div',
        { class: 'title-line' },
        el(
          'div',
          { class: 'titles' },
          el(
            'h1',
            {},
            el(
              'span',
              { class: 'name' },
              `${name === '' ? 'Line' : `${visible(name)}, line`} ${count(detail.spot.line + 1)}`,
            ),
          ),
          el('p', { class: 'state' }, facts.join(' · ')),
        ),
      ),
      el('div', { class: 'cards' }, ...model.sides.map((s, n) => this.card(s, n > 0))),
    );
  }

  private card(s: Side, other: boolean): HTMLElement {
    const { detail } = s;
    const label = detail.label === '' ? s.name : visible(detail.label);
    const action = other
      ? button('Look at this one', 'detail', () => this.actions.detail(s), {
          class: 'icon-button',
          'aria-label': `Look at the ${s.name} response`,
          title: `Look at the ${s.name} response`,
        })
      : undefined;
    return el(
      'article',
      { class: `card side-${s.colour}${other ? ' other' : ''}`, 'aria-label': label },
      el(
        'header',
        {},
        el('h2', {}, el('span', { class: 'swatch', 'aria-hidden': 'true' }), label),
        action,
        button('Open in Text', 'open', () => this.actions.open(s), {
          class: 'icon-button',
          'aria-label': `Open the ${s.name} response in the text`,
          title: 'Open in the text',
        }),
      ),
      el(
        'p',
        {
          class: 'excerpt',
          dir: 'auto',
          tabindex: 0,
          'aria-label': `Text of the ${s.name} response`,
        },
        visible(detail.excerpt.trim(), true),
      ),
      detail.findings.length === 0
        ? undefined
        : el(
            'ul',
            { class: 'messages' },
            ...detail.findings.map((f) =>
              el('li', {}, svgIcon(f.severity, f.severity), visible(f.message)),
            ),
          ),
    );
  }
}
