import { FINDING_CODES, type ResponseText } from '../../../server/src/protocol/index.js';
import type { Document } from '../data/documents.js';
import { NO_FINDING, type Listing } from '../data/rows.js';
import type { Texts } from './texts.js';

const CHUNK = 512;
const UNKNOWN = 0;
const NO = 1;
const YES = 2;

/** Does the row's text contain the query (lower case)? The code counts as text too. */
export function matches(query: string, text: ResponseText, code: number): boolean {
  const finding = text.findings.find((f) => f.code === FINDING_CODES[code]);
  return [text.excerpt, text.label, finding?.message].some((t) => t?.toLowerCase().includes(query));
}

const codeMatches = (query: string, code: number): boolean =>
  code !== NO_FINDING && (FINDING_CODES[code] ?? '').includes(query);

/**
 * Filters by text without holding the texts: they pass by in chunks, and of each response only whether
 * it matches is kept, a byte each.
 */
export class TextSearch {
  query = '';
  private verdicts: Uint8Array[] = [];
  /** Query and documents that the verdicts are of. */
  private about = '';
  private done = 0;
  private wanted = 0;
  private run = 0;

  constructor(
    private readonly texts: Texts,
    private readonly progressed: () => void,
  ) {}

  /** Share of the texts looked at; 1 when done. */
  get fraction(): number {
    return this.wanted === 0 ? 1 : this.done / this.wanted;
  }

  /**
   * Looks through all that the listing could show; a later call ends an earlier one. The same query
   * again keeps what it found until it knows better, and while an audit runs looks at new ones only.
   */
  async search(query: string, documents: readonly Document[], listing: Listing): Promise<void> {
    const run = ++this.run;
    const about = [query, ...documents.map((d) => `${d.summary.uri} ${d.summary.epoch}`)].join(' ');
    const again = about === this.about;
    this.about = about;
    this.query = query.trim().toLowerCase();
    this.verdicts = documents.map((d, n) => {
      const verdicts = new Uint8Array(d.responses.length);
      const before = again ? this.verdicts[n] : undefined;
      if (before) verdicts.set(before.subarray(0, verdicts.length));
      return verdicts;
    });
    this.done = 0;
    this.wanted = 0;
    if (this.query === '') return;
    const candidates = documents.map((d, n) => {
      const all = candidatesOf(d, listing);
      return d.summary.state === 'running'
        ? all.filter((r) => (this.verdicts[n]?.[r] ?? UNKNOWN) === UNKNOWN)
        : all;
    });
    this.wanted = candidates.reduce((sum, c) => sum + c.length, 0);
    for (const [n, d] of documents.entries()) {
      const ids = candidates[n] ?? [];
      for (let at = 0; at < ids.length; at += CHUNK) {
        const part = ids.slice(at, at + CHUNK);
        const found = await this.texts.load(d, part);
        if (run !== this.run) return;
        const verdicts = this.verdicts[n] as Uint8Array;
        part.forEach((r, i) => {
          const text = found[i];
          const hit =
            text !== undefined &&
            (matches(this.query, text, NO_FINDING) ||
              text.findings.some((f) => f.message.toLowerCase().includes(this.query)));
          verdicts[r] = hit ? YES : NO;
        });
        this.done += part.length;
        this.progressed();
      }
    }
    this.progressed();
  }

  keep(document: number, response: number, code: number): boolean {
    if (codeMatches(this.query, code)) return true;
    return (this.verdicts[document]?.[response] ?? UNKNOWN) === YES;
  }
}

function candidatesOf(d: Document, listing: Listing): number[] {
  if (listing === 'responses') return Array.from({ length: d.responses.length }, (_, i) => i);
  return [...new Set(d.findings.response.subarray(0, d.findings.length))];
}
