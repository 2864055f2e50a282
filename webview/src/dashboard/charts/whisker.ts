import { DEFAULT_TAU } from '../../../../server/src/qrm/index.js';
import type { Document } from '../../data/documents.js';
import type { Responses } from '../../data/responses.js';
import { el } from '../../ui/dom.js';

/** The rewards at the left and right end of the column. */
export interface WhiskerScale {
  readonly low: number;
  readonly high: number;
}

/** The ends of a response's bar: q05 to q95 where the tail is q05, else the tail to the expectation. */
function whiskerEnds(responses: Responses, r: number, tau: number): [number, number] {
  const tail = responses.tail[r] ?? Number.NaN;
  const spread = responses.spread[r] ?? Number.NaN;
  const high =
    Math.abs(tau - DEFAULT_TAU) < 1e-9 ? tail + spread : (responses.expectation[r] ?? Number.NaN);
  return [tail, high];
}

/** A distribution as a bar with a tick at the expectation, on the scale that all rows share. */
export class Whisker {
  private readonly bar = el('span', { class: 'bar' });
  private readonly tick = el('span', { class: 'tick' });
  readonly element = el('div', { class: 'whisker', 'aria-hidden': 'true' }, this.bar, this.tick);

  show(responses: Responses, r: number, tau: number, { low, high }: WhiskerScale): void {
    const share = (v: number) => 100 * Math.min(Math.max((v - low) / (high - low || 1), 0), 1);
    const [from, to] = whiskerEnds(responses, r, tau);
    const known = !Number.isNaN(from);
    this.element.hidden = !known;
    if (!known) return;
    this.bar.style.left = `${share(from)}%`;
    this.bar.style.width = `${Math.max(share(to) - share(from), 0.5)}%`;
    this.tick.style.left = `${share(responses.expectation[r] ?? low)}%`;
  }
}

/** The common scale of the whiskers: nearly all rewards of the documents. */
export function whiskerScale(documents: readonly Document[]): WhiskerScale {
  const known = documents.map((d) => d.histograms).filter((h) => h.tail.total > 0);
  if (known.length === 0) return { low: 0, high: 1 };
  const low = Math.min(...known.map((h) => h.tail.quantile(0.001)));
  // The upper tail is about as far from the expectation as the lower.
  const high = Math.max(
    ...known.map((h) => h.expectation.quantile(0.999) + (h.expectation.mean - h.tail.mean)),
  );
  return { low, high };
}
