/** Work that waits for a batch. */
export interface Queued {
  readonly group: number;
  readonly priority: number;
  /** Tokens that it costs, which is also the length of its row. */
  readonly tokens: number;
}

/** Items looked at for one batch: enough to find rows of like length, few enough to stay in order. */
const WINDOW = 96;

/**
 * Waiting work by priority, then in the order of arrival. Batches begin with the very first item, so
 * that nothing starves, and are filled with items of the same priority and like length.
 */
export class WorkQueue<T extends Queued> {
  readonly #levels = new Map<number, T[]>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(item: T): void {
    const level = this.#levels.get(item.priority);
    if (level) level.push(item);
    else this.#levels.set(item.priority, [item]);
    this.#length++;
  }

  /** Drops what belongs to a group. */
  remove(group: number): void {
    for (const [priority, level] of this.#levels) {
      const kept = level.filter((item) => item.group !== group);
      this.#length -= level.length - kept.length;
      if (kept.length > 0) this.#levels.set(priority, kept);
      else this.#levels.delete(priority);
    }
  }

  /** The next batch: at most `budget` tokens unless the first item alone has more; empty when none waits. */
  take(budget: number): T[] {
    if (this.#length === 0) return [];
    const priority = Math.max(...this.#levels.keys());
    const level = this.#levels.get(priority)!;
    const window = level.slice(0, WINDOW);
    const first = window[0]!;
    const like = window
      .slice(1)
      .map((item, i) => ({ item, i, far: Math.abs(item.tokens - first.tokens) }))
      .sort((a, b) => a.far - b.far || a.i - b.i);
    const taken = new Set([first]);
    let tokens = first.tokens;
    for (const { item, far } of like) {
      // A much longer or shorter row would pad the others' attention more than it gains.
      if (far > 32 + first.tokens / 4) break;
      if (tokens + item.tokens > budget) continue;
      taken.add(item);
      tokens += item.tokens;
    }
    const kept = level.filter((item, i) => i >= WINDOW || !taken.has(item));
    if (kept.length > 0) this.#levels.set(priority, kept);
    else this.#levels.delete(priority);
    this.#length -= taken.size;
    return [...taken];
  }
}
