/**
 * What was computed of texts, for so much in all. Two generations: what was asked for lately outlives what was asked
 * for once (each keystroke makes a text that never comes again).
 */
export class TextCache<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #cost = 0;

  /** @param limit of the costs of all that is held */
  constructor(
    private readonly limit: number,
    private readonly costOf: (text: string, value: T) => number,
  ) {}

  /** Texts that are held. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(text: string): T | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) {
      this.#old.delete(text);
      this.#put(text, old);
    }
    return old;
  }

  add(text: string, value: T): void {
    if (this.costOf(text, value) <= this.limit / 16) this.#put(owned(text), value);
  }

  #put(text: string, value: T): void {
    const cost = this.costOf(text, value);
    if (this.#cost + cost > this.limit / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#cost = 0;
    }
    this.#cost += cost;
    this.#young.set(text, value);
  }
}

/** V8 keeps 13 characters and more of a slice as a view, which would hold the whole text it was cut from. */
const VIEW = 13;

/** The text in memory of its own. */
function owned(text: string): string {
  if (text.length < VIEW) return text;
  const encoding = /[^\x00-\xff]/.test(text) ? 'utf16le' : 'latin1';
  return Buffer.from(text, encoding).toString(encoding);
}
