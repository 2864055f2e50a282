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
   * @param spare bytes by which an idle process may grow; default: half of what it needs, at least 400 MB
   * @param rss bytes that the process holds
   * @param now milliseconds
   */
  constructor(
    private readonly spare?: number,
    private readonly rss: () => number = () => process.memoryUsage.rss(),
    private readonly now: () => number = Date.now,
  ) {
    this.begun = now();
  }

  /**
   * Has the process grown so much that it is to be begun anew? True once. Asked from time to time, from the first
   * result on: what it held then is what it needs.
   */
  excessive(idle: boolean): boolean {
    if (this.told) return false;
    const held = this.rss();
    this.base ??= held;
    const least = this.spare ?? Math.max(400e6, this.base / 2);
    // A long run that needs large batches would grow again at once: it pays for a new start seldom.
    const limit = idle ? least : 2 * least + this.base;
    if (held - this.base <= limit) return false;
    if (!idle && this.now() - this.begun < 600_000) return false;
    return (this.told = true);
  }
}

/** Milliseconds between two looks. */
export const LOOK_MS = 5000;
