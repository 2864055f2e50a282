/**
 * ONNX Runtime's arenas give nothing back: each shape of batch that does not fit their free pieces adds a region,
 * and after hours of edits a process holds several times what it needs (test/RELIABILITY.md). onnxruntime-node
 * offers no way to shrink them, so a process that has grown asks to be begun anew while nothing waits for it.
 */
export class Growth {
  private base: number | undefined;
  private told = false;
  private readonly begun: number;

  /**
   * @param spare bytes by which an idle process may grow; default: a third of what it needs, at least 200 MB
   * @param loading milliseconds that a new start takes
   * @param rss bytes that the process holds
   * @param now milliseconds
   */
  constructor(
    private readonly spare?: number,
    private readonly loading = 0,
    private readonly rss: () => number = () => process.memoryUsage.rss(),
    private readonly now: () => number = Date.now,
  ) {
    this.begun = now();
  }

  /**
   * Has the process grown so much that it is to be begun anew? True once. Asked from time to time, from the first
   * result on: what it held then is what it needs.
   * @param activity nothing was asked since the last look; nothing is asked just now; work waits
   */
  excessive(activity: 'quiet' | 'between' | 'busy'): boolean {
    if (this.told) return false;
    const held = this.rss();
    this.base ??= held;
    if (held - this.base <= (this.spare ?? Math.max(200e6, this.base / 3))) return false;
    // A long run that needs large batches grows again at once: it pays for a new start seldom, a large model more so.
    const patience = activity === 'busy' ? 60 * this.loading : 0;
    if (this.now() - this.begun < Math.max(PATIENCE[activity], patience)) return false;
    return (this.told = true);
  }
}

/** Milliseconds from the start on in which a process stays, whatever it holds. */
const PATIENCE = { quiet: 0, between: 300_000, busy: 600_000 } as const;
/** Milliseconds between two looks. */
export const LOOK_MS = 5000;
