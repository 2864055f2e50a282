/** A straight line through points, by least squares. */
export class Trend {
  n = 0;
  private x = 0;
  private y = 0;
  private xx = 0;
  private yy = 0;
  private xy = 0;
  private first = Number.NaN;
  private last = Number.NaN;

  /** NaN is no point. */
  add(x: number, y: number): void {
    if (!Number.isFinite(y)) return;
    if (this.n === 0) this.first = x;
    this.last = x;
    this.n++;
    const [dx, dy] = [x - this.x, y - this.y];
    this.x += dx / this.n;
    this.y += dy / this.n;
    this.xx += dx * (x - this.x);
    this.yy += dy * (y - this.y);
    this.xy += dx * (y - this.y);
  }

  get slope(): number {
    return this.xy / this.xx;
  }

  /** From the first x to the last. */
  get span(): number {
    return this.last - this.first;
  }

  /** The slope in standard errors: Student's t with n - 2 degrees of freedom. */
  get t(): number {
    const rest = Math.max(this.yy - (this.xy * this.xy) / this.xx, 0);
    const error = Math.sqrt(rest / (this.n - 2) / this.xx);
    return this.slope === 0 ? 0 : this.slope / error;
  }
}
