import { visible } from '../data/visible.js';
import { button, el } from './dom.js';

const SHOWN_MS = 6000;

/** A line at the page's foot: what was exported, what went wrong. Errors stay until closed. */
export class Notice {
  private readonly text = el('span');
  readonly element: HTMLElement;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.element = el(
      'div',
      { class: 'notice', role: 'status', hidden: true },
      this.text,
      button('Close', 'close', () => (this.element.hidden = true), {
        class: 'icon-button',
        'aria-label': 'Close',
      }),
    );
  }

  show(text: string, kind: 'info' | 'error' = 'info'): void {
    clearTimeout(this.timer);
    this.element.classList.toggle('failed', kind === 'error');
    this.element.hidden = false;
    this.text.textContent = visible(text);
    if (kind === 'info') this.timer = setTimeout(() => (this.element.hidden = true), SHOWN_MS);
  }

  /** Says where an export was written; what went wrong is told by the host. */
  exported(path: Promise<string | null>): void {
    path.then(
      (written) => written !== null && this.show(`Exported to ${written}`),
      () => undefined,
    );
  }
}
