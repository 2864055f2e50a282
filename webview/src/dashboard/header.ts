import { DEFAULT_TAU } from '../../../server/src/qrm/index.js';
import {
  count,
  decimals,
  duration,
  percent,
  plural,
  tailName,
  type AuditSummary,
} from '../../../server/src/protocol/index.js';
import { hasDistribution, type Document } from '../data/documents.js';
import { button, el } from '../ui/dom.js';

export interface HeaderEvents {
  readonly audit: () => void;
  readonly cancel: () => void;
  readonly report: () => void;
}

/** Names of the files, what runs, and the figures of the whole file. */
export class Header {
  readonly element: HTMLElement;
  private readonly bar = el(
    'div',
    { class: 'progress', role: 'progressbar', 'aria-label': 'Audit progress', hidden: true },
    el('div'),
  );
  private readonly title = el('h1');
  private readonly state = el('p', { class: 'state', role: 'status' });
  private readonly tiles = el('dl', { class: 'tiles' });
  private readonly start: HTMLButtonElement;
  private readonly stop: HTMLButtonElement;
  private said = '';

  constructor(events: HeaderEvents) {
    this.start = button('Audit', 'play', events.audit, { class: 'primary' });
    this.stop = button('Cancel', 'stop', events.cancel, { class: 'secondary' });
    this.element = el(
      'header',
      { class: 'page-head' },
      this.bar,
      el(
        'div',
        { class: 'title-line' },
        el('div', { class: 'titles' }, this.title, this.state),
        this.start,
        this.stop,
        button('Export Report…', 'download', events.report, { class: 'secondary' }),
      ),
      this.tiles,
    );
  }

  update(documents: readonly Document[]): void {
    this.title.replaceChildren(
      ...documents.flatMap((d, n) => [
        ...(n > 0 ? [el('span', { class: 'against' }, 'against')] : []),
        el('span', { class: documents.length > 1 ? `name file-${n}` : 'name' }, d.name),
      ]),
    );
    const summaries = documents.map((d) => d.summary);
    const running = summaries.find((s) => s.state === 'running' || s.state === 'waiting');
    this.stop.hidden = running === undefined;
    this.start.hidden = running !== undefined || summaries.every((s) => s.state === 'done');
    const text = summaries.map(stateText).join(' · ');
    // Only when it changed: a status line is read aloud.
    if (text !== this.said) this.state.textContent = text;
    this.said = text;
    this.state.classList.toggle(
      'failed',
      summaries.some((s) => s.state === 'failed'),
    );
    this.bar.hidden = running === undefined;
    const fraction = running?.fraction ?? null;
    const inner = this.bar.firstElementChild as HTMLElement;
    this.bar.classList.toggle('unknown', fraction === null);
    inner.style.width = fraction === null ? '' : `${100 * fraction}%`;
    if (fraction === null) this.bar.removeAttribute('aria-valuenow');
    else this.bar.setAttribute('aria-valuenow', String(Math.round(100 * fraction)));
    this.tiles.replaceChildren(...tiles(documents));
  }
}

function stateText(s: AuditSummary): string {
  const model = s.model
    ? `${s.model.name} (${s.model.precision}, ${s.model.executionProvider})`
    : '';
  switch (s.state) {
    case 'waiting':
      return 'Waiting for the model';
    case 'running': {
      const rate = s.rate > 0 ? `, ${count(Math.round(s.rate))}/s` : '';
      const left = s.secondsLeft === null ? '' : `, ${duration(s.secondsLeft)} left`;
      return `Scoring with ${model || 'the model'}${rate}${left}`;
    }
    case 'failed':
      return `Failed: ${s.error ?? 'no reason given'}`;
    case 'cancelled':
      return `Cancelled after ${plural(s.scored, 'response')}`;
    case 'done':
      return model === '' ? 'Done' : `Scored with ${model}`;
  }
}

interface Tile {
  readonly label: string;
  readonly hint: string;
  readonly value: (d: Document) => string;
  readonly note?: (d: Document) => string;
}

function tiles(documents: readonly Document[]): HTMLElement[] {
  const tails = documents.some(({ summary }) => hasDistribution(summary));
  const tau = documents[0]?.summary.tau ?? DEFAULT_TAU;
  const list: Tile[] = [
    {
      label: 'Responses',
      hint: 'Responses scored; how many came from the score store',
      value: ({ summary: s }) => count(s.scored),
      note: ({ summary: s }) =>
        s.scored < s.live
          ? `of ${count(s.live)}`
          : s.fromStore > 0
            ? `${count(s.fromStore)} from store`
            : plural(s.rows, 'row'),
    },
    {
      label: 'Mean',
      hint: 'Average of the responses’ mean rewards, and the middle 90 % of responses',
      value: (d) => decimals(d.histograms.expectation.mean),
      note: (d) => range(d, 'expectation'),
    },
    ...(tails
      ? [
          {
            label: `Left tail ${tailName(tau)}`,
            hint: 'Average of the left tails, and the middle 90 % of responses',
            value: (d: Document) => decimals(d.histograms.tail.mean),
            note: (d: Document) => range(d, 'tail'),
          },
        ]
      : []),
    {
      label: 'Pairs agreeing',
      hint: 'Share of the pairs in which the chosen response more likely beats the rejected one',
      value: ({ responses: r }) => percent(r.pairs === 0 ? Number.NaN : r.agreeing / r.pairs),
      note: ({ responses: r }) => (r.pairs === 0 ? 'no pairs' : `of ${plural(r.pairs, 'pair')}`),
    },
    {
      label: 'Findings',
      hint: 'Findings of all rules',
      value: ({ summary: s }) => count(Object.values(s.counts).reduce((sum, n) => sum + n, 0)),
      note: ({ summary: s }) =>
        [
          hasDistribution(s)
            ? `${count(s.counts['low-left-tail'] ?? 0)} low left tail`
            : plural(s.counts['inverted-pair'] ?? 0, 'inverted pair'),
          // These stand above the table: no response is theirs.
          ...(s.counts['malformed-row']
            ? [plural(s.counts['malformed-row'], 'malformed row')]
            : []),
        ].join(', '),
    },
  ];
  return list.map((t) =>
    el(
      'div',
      { class: 'tile', title: t.hint },
      el('dt', {}, t.label),
      ...documents.map((d, n) =>
        el(
          'dd',
          { class: documents.length > 1 ? `file-${n}` : undefined },
          el('span', { class: 'value' }, t.value(d)),
          el('span', { class: 'note' }, t.note?.(d) ?? ''),
        ),
      ),
    ),
  );
}

function range(d: Document, measure: 'expectation' | 'tail'): string {
  const h = d.histograms[measure];
  return h.total === 0
    ? ''
    : `${decimals(h.quantile(0.05), 2)} to ${decimals(h.quantile(0.95), 2)}`;
}
