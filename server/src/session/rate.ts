/** Speed over the last seconds, so that a pause or a slow start does not colour it for long. */
export class Rate {
  private readonly marks: { time: number; total: number }[] = [];
  private total = 0;

  constructor(
    private readonly windowMs = 10_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(n: number): void {
    this.total += n;
    const time = this.now();
    const last = this.marks.at(-1);
    if (last === undefined || time - last.time > 100) this.marks.push({ time, total: this.total });
    while (this.marks.length > 2 && time - (this.marks[0]?.time ?? 0) > this.windowMs)
      this.marks.shift();
  }

  /** Items a second; 0 when nothing came for a while. */
  perSecond(): number {
    const first = this.marks[0];
    const last = this.marks.at(-1);
    if (first === undefined || last === undefined) return 0;
    if (this.now() - last.time > this.windowMs) return 0;
    const seconds = (this.now() - first.time) / 1000;
    return seconds < 0.05 ? 0 : (this.total - first.total) / seconds;
  }
}
