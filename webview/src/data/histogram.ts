/** Fine bins kept; the display merges them. */
const FINE = 4096;

export interface Bins {
  /** Left edge of the first bin, and the width of each. */
  readonly start: number;
  readonly width: number;
  readonly counts: Float64Array;
}

/**
 * Counts of a stream of figures whose range is not known beforehand. Fine bins have a width that is a
 * power of two and edges at its multiples; when a figure lies outside, bins merge two by two. So each
 * figure costs O(1), can be taken out again, and the merged counts stay exact.
 */
export class StreamHistogram {
  private counts = new Float64Array(FINE);
  private width = 0;
  /** floor(value / width) of the first fine bin. */
  private base = 0;
  total = 0;
  private sum = 0;

  /** Infinite and unknown figures are left out. */
  add(value: number): void {
    if (!Number.isFinite(value)) return;
    const at = this.index(value);
    this.counts[at] = (this.counts[at] as number) + 1;
    this.total++;
    this.sum += value;
  }

  /** Takes out a figure that was added before. */
  remove(value: number): void {
    if (!Number.isFinite(value)) return;
    const at = this.index(value);
    this.counts[at] = (this.counts[at] as number) - 1;
    this.total--;
    this.sum -= value;
  }

  get mean(): number {
    return this.total === 0 ? Number.NaN : this.sum / this.total;
  }

  /** The figure below which a share p lies, to within a fine bin; NaN when empty. */
  quantile(p: number): number {
    if (this.total === 0) return Number.NaN;
    const wanted = Math.min(Math.max(p, 0), 1) * this.total;
    let seen = 0;
    for (let i = 0; i < FINE; i++) {
      const c = this.counts[i] as number;
      if (c > 0 && seen + c >= wanted) {
        return (this.base + i + Math.max(wanted - seen, 0) / c) * this.width;
      }
      seen += c;
    }
    return Number.NaN;
  }

  /**
   * Bins that suit so many figures: the range in widths of 2 IQR / n^(1/3) (Freedman and Diaconis, 1981),
   * or log2(n) + 1 (Sturges) where more than half are alike; 1 when empty.
   */
  suited(): number {
    const [first, last] = this.occupied();
    if (first > last) return 1;
    const middle = this.quantile(0.75) - this.quantile(0.25);
    if (middle <= this.width) return Math.log2(this.total) + 1;
    return ((last - first + 1) * this.width * Math.cbrt(this.total)) / (2 * middle);
  }

  /** Between `atMost`/2 and `atMost` bins over the occupied range (fewer where the fine bins are few). */
  bins(atMost: number): Bins {
    const [first, last] = this.occupied();
    if (first > last) return { start: 0, width: 1, counts: new Float64Array(0) };
    let merge = 1;
    // Edges stay multiples of the merged width, so that bins keep their place while data streams in.
    while (bucket(this.base + last, merge) - bucket(this.base + first, merge) + 1 > atMost) {
      merge *= 2;
    }
    const from = bucket(this.base + first, merge);
    const counts = new Float64Array(bucket(this.base + last, merge) - from + 1);
    for (let i = first; i <= last; i++) {
      const b = bucket(this.base + i, merge) - from;
      counts[b] = (counts[b] as number) + (this.counts[i] as number);
    }
    return { start: from * merge * this.width, width: merge * this.width, counts };
  }

  /** The counts in given bins: exact where their edges are edges of fine bins, as those of `bins` are. */
  countsIn(bins: Bins): Float64Array {
    const out = new Float64Array(bins.counts.length);
    const [first, last] = this.occupied();
    for (let i = first; i <= last; i++) {
      const middle = (this.base + i + 0.5) * this.width;
      const b = Math.floor((middle - bins.start) / bins.width);
      if (b >= 0 && b < out.length) out[b] = (out[b] as number) + (this.counts[i] as number);
    }
    return out;
  }

  private occupied(): [number, number] {
    let first = 0;
    let last = FINE - 1;
    while (first < FINE && this.counts[first] === 0) first++;
    while (last >= first && this.counts[last] === 0) last--;
    return [first, last];
  }

  private index(value: number): number {
    if (this.width === 0) {
      const magnitude = Math.floor(Math.log2(Math.max(Math.abs(value), 2 ** -20)));
      this.width = 2 ** (magnitude - 14);
      this.base = Math.floor(value / this.width) - FINE / 2;
    }
    for (;;) {
      const at = Math.floor(value / this.width) - this.base;
      if (at >= 0 && at < FINE) return at;
      if (!this.shift(at)) this.halve();
    }
  }

  /** Moves the window so that bin `at` fits, when the occupied bins still do. */
  private shift(at: number): boolean {
    const [first, last] = this.occupied();
    const low = first > last ? at : Math.min(first, at);
    const high = first > last ? at : Math.max(last, at);
    if (high - low >= FINE) return false;
    const by = low - Math.floor((FINE - (high - low)) / 2);
    const moved = new Float64Array(FINE);
    for (let i = first; i <= last; i++) moved[i - by] = this.counts[i] as number;
    this.counts = moved;
    this.base += by;
    return true;
  }

  private halve(): void {
    const base = Math.floor(this.base / 2);
    const merged = new Float64Array(FINE);
    for (let i = 0; i < FINE; i++) {
      const b = Math.floor((this.base + i) / 2) - base;
      merged[b] = (merged[b] as number) + (this.counts[i] as number);
    }
    this.counts = merged;
    this.base = base;
    this.width *= 2;
  }
}

const bucket = (index: number, merge: number): number => Math.floor(index / merge);

/** Counts of the kept figures (keep[i] is 1) in the same bins. */
export function countInto(bins: Bins, values: ArrayLike<number>, keep: Uint8Array): Float64Array {
  const counts = new Float64Array(bins.counts.length);
  const last = counts.length - 1;
  for (let i = 0; i < values.length; i++) {
    if (keep[i] === 0) continue;
    const b = Math.floor(((values[i] as number) - bins.start) / bins.width);
    if (b >= 0 && b <= last) counts[b] = (counts[b] as number) + 1;
  }
  return counts;
}

/** Bins that cover those of several documents alike. */
export function commonBins(all: readonly Bins[]): Bins {
  const known = all.filter((b) => b.counts.length > 0);
  const width = Math.max(...known.map((b) => b.width), 0) || 1;
  if (known.length === 0) return { start: 0, width, counts: new Float64Array(0) };
  const from = Math.min(...known.map((b) => Math.floor(b.start / width)));
  const to = Math.max(
    ...known.map((b) => Math.ceil((b.start + b.width * b.counts.length) / width)),
  );
  return { start: from * width, width, counts: new Float64Array(to - from) };
}
