/** For each key the last value of a span of time, and the first at once. */
export class Throttle<K> {
  private readonly last = new Map<K, number>();
  private readonly timers = new Map<K, NodeJS.Timeout>();

  constructor(
    private readonly ms: number,
    private readonly action: (key: K) => void,
  ) {}

  call(key: K): void {
    if (this.timers.has(key)) return;
    const wait = (this.last.get(key) ?? -Infinity) + this.ms - performance.now();
    const run = () => {
      this.timers.delete(key);
      const now = performance.now();
      // A key is forgotten once it would not have to wait: closed documents are keys too.
      for (const [old, at] of this.last) if (at + this.ms <= now) this.last.delete(old);
      this.last.set(key, now);
      this.action(key);
    };
    if (wait <= 0) run();
    else this.timers.set(key, setTimeout(run, wait));
  }

  stop(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }
}
