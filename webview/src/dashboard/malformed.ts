import {
  count,
  plural,
  type ProblemBatch,
  type ViewProblem,
} from '../../../server/src/protocol/index.js';
import type { Document } from '../data/documents.js';
import { visible } from '../data/visible.js';
import type { Host } from '../host.js';
import { button, el, svgIcon } from '../ui/dom.js';

const PAGE = 200;

/** Rows that could not be read, or not wholly: no response stands for them, so the table has none. */
export class Malformed {
  private readonly heading = el('summary');
  private readonly list = el('ul', { class: 'messages' });
  private readonly more = button('Show more', 'down', () => this.ask(), { class: 'link' });
  readonly element = el(
    'details',
    { class: 'malformed', hidden: true },
    this.heading,
    this.list,
    this.more,
  );
  private documents: readonly Document[] = [];
  private key = '';
  private shown: { uri: string; problem: ViewProblem }[] = [];
  private left: { uri: string; from: number }[] = [];

  constructor(private readonly host: Host) {
    this.element.addEventListener('toggle', () => {
      if (this.element.open && this.shown.length === 0) this.ask();
    });
  }

  /** @param open the reader asked for these rows alone */
  update(documents: readonly Document[], open: boolean): void {
    this.documents = documents;
    const counts = documents.map(({ summary }) => summary.counts['malformed-row'] ?? 0);
    const total = counts.reduce((sum, n) => sum + n, 0);
    this.element.hidden = total === 0;
    this.heading.textContent = `${plural(total, 'malformed row')}: not scored, or only in part`;
    const key = documents
      .map(({ summary: s }, n) => `${s.uri} ${s.epoch} ${s.findingsRevision} ${counts[n]}`)
      .join(' ');
    if (key !== this.key) {
      this.key = key;
      this.shown = [];
      this.left = documents.map(({ summary }) => ({ uri: summary.uri, from: 0 }));
      if (this.element.open) this.ask();
    }
    if (open && total > 0) this.element.open = true;
  }

  private receive({ uri, from, total, problems }: ProblemBatch): void {
    const next = this.left[0];
    if (next?.uri !== uri || next.from !== from) return;
    if (from === 0 && this.documents[0]?.summary.uri === uri) this.shown = [];
    this.shown.push(...problems.map((problem) => ({ uri, problem })));
    next.from += problems.length;
    if (problems.length === 0 || next.from >= total) {
      this.left.shift();
      if (this.shown.length < PAGE) this.ask();
    }
    this.draw();
  }

  private ask(): void {
    const next = this.left[0];
    if (next === undefined) return;
    // Why it failed is told to the user; the button asks again.
    this.host.request('problems', { ...next, limit: PAGE }).then(
      (batch) => this.receive(batch),
      () => undefined,
    );
  }

  private draw(): void {
    this.list.replaceChildren(
      ...this.shown.map(({ uri, problem }) => {
        const file = this.documents.find(({ summary }) => summary.uri === uri)?.name ?? '';
        const place = `${this.documents.length > 1 ? `${file}, ` : ''}line ${count(problem.line + 1)}`;
        const open = () => this.host.post({ type: 'revealPlace', uri, place: problem });
        return el(
          'li',
          {},
          svgIcon(problem.severity, problem.severity),
          button(place, undefined, open, { class: 'link', title: 'Go to the text' }),
          el('span', {}, visible(problem.message)),
        );
      }),
    );
    this.more.hidden = this.left.length === 0;
  }
}
