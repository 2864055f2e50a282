import type { ResponseText } from '../../../server/src/protocol/index.js';
import type { Document } from '../data/documents.js';
import type { Host } from '../host.js';

/** Texts kept; the oldest go first. */
const KEPT = 20_000;
const CHUNK = 256;
/** A host that has not answered by then will not: the texts may be asked for again. */
const PATIENCE_MS = 20_000;

/** Excerpts and messages of responses, asked of the host in chunks and kept for a while. */
export class Texts {
  private readonly kept = new Map<string, { text: ResponseText; age: number }>();
  /** Texts of an earlier age are shown until the new ones are here. */
  private age = 0;
  private readonly asked = new Set<string>();
  constructor(
    private readonly host: Host,
    private readonly arrived: () => void,
  ) {}

  get(d: Document, response: number): ResponseText | undefined {
    return this.kept.get(key(d, response))?.text;
  }

  /** Asks for those of the rows on screen that are not here yet. */
  want(d: Document, responses: readonly number[]): void {
    const missing = responses.filter((r) => {
      const k = key(d, r);
      return this.kept.get(k)?.age !== this.age && !this.asked.has(k);
    });
    for (let at = 0; at < missing.length; at += CHUNK) {
      this.fetch(d, missing.slice(at, at + CHUNK)).catch(() => undefined);
    }
  }

  /** Asks for texts and waits for them; what is known is not asked again. */
  async load(d: Document, responses: readonly number[]): Promise<(ResponseText | undefined)[]> {
    const missing = responses.filter((r) => this.kept.get(key(d, r))?.age !== this.age);
    const fetched = new Map<number, ResponseText>();
    for (let at = 0; at < missing.length; at += CHUNK) {
      for (const t of await this.fetch(d, missing.slice(at, at + CHUNK)))
        fetched.set(t.response, t);
    }
    return responses.map((r) => fetched.get(r) ?? this.get(d, r));
  }

  /** The findings (and so the messages) changed: texts are asked for again when they are wanted. */
  outdate(): void {
    this.age++;
  }

  forget(): void {
    this.kept.clear();
    this.asked.clear();
  }

  /** Those that the host gives; none where it fails or does not answer. Never rejects. */
  private async fetch(d: Document, responses: readonly number[]): Promise<readonly ResponseText[]> {
    const keys = new Map(responses.map((r) => [r, key(d, r)]));
    for (const k of keys.values()) this.asked.add(k);
    const { age } = this;
    const { uri, epoch } = d.summary;
    const answer = this.host.request('texts', { uri, epoch, responses }).catch(() => []);
    const texts = await Promise.race([answer, patience()]);
    for (const k of keys.values()) this.asked.delete(k);
    for (const text of texts) {
      const k = keys.get(text.response);
      if (k !== undefined) this.kept.set(k, { text, age });
    }
    for (const old of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      this.kept.delete(old);
    }
    this.arrived();
    return texts;
  }
}

const patience = (): Promise<readonly ResponseText[]> =>
  new Promise((resolve) => setTimeout(() => resolve([]), PATIENCE_MS));
const key = (d: Document, response: number): string =>
  `${d.summary.uri} ${d.summary.epoch} ${response}`;
