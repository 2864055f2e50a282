import { bandwidth, pieces, smooth, type Pieces } from './density.js';

/** Fewer quantiles than this cannot show two modes. */
const FEWEST = 7;
/** Between two modes the density falls to at most this part of the lower one. */
const VALLEY = 0.5;
/** A mode holds at least this share of the mass: fewer are a tail. */
const LEAST_MASS = 0.2;

interface Peak {
  readonly x: number;
  readonly height: number;
  readonly mass: number;
}

/**
 * The rewards at which the distribution has its modes, ascending; at least one. They are the peaks of
 * the smoothed `density` (kernel estimates as in Silverman 1981, "Using Kernel
 * Density Estimates to Investigate Multimodality"), parted by a valley of at most half the lower
 * peak and with at least a fifth of the mass each: a few odd quantiles are no second opinion.
 */
export function modes(sorted: ArrayLike<number>, levels: readonly number[]): number[] {
  return modesOf(pieces(sorted, levels), sorted, levels);
}

function modesOf(parts: Pieces, sorted: ArrayLike<number>, levels: readonly number[]): number[] {
  const { edges, masses } = parts;
  const middle = sorted[sorted.length >> 1] ?? Number.NaN;
  if (sorted.length < FEWEST || !Number.isFinite((sorted[sorted.length - 1] as number) - middle)) {
    return [middle];
  }
  // Edges and middles of the pieces: dense where the mass is, and one in every gap.
  const xs = new Float64Array(2 * masses.length + 1);
  for (let p = 0; p < xs.length; p++) {
    xs[p] = (edges[p >> 1]! + edges[(p + 1) >> 1]!) / 2;
  }
  const f = smooth(parts, xs, bandwidth(sorted, levels));
  const peaks: Peak[] = [];
  const valleys: number[] = [];
  let mass = 0;
  let top = 0;
  for (let p = 0; p < xs.length; p++) {
    if (p % 2 === 1) mass += masses[p >> 1] as number;
    if (f[p]! > f[top]!) top = p;
    const falls = p + 1 < xs.length && f[p + 1]! > f[p]! && f[p]! < f[top]!;
    if (!falls && p + 1 < xs.length) continue;
    peaks.push({ x: xs[top]!, height: f[top]!, mass });
    if (falls) valleys.push(f[p]!);
    mass = 0;
    top = p + 1;
  }
  mergeWhile(peaks, valleys, flattest);
  mergeWhile(peaks, valleys, lightest);
  return peaks.map(({ x }) => x);
}

/** How many modes; 1 for nearly every distribution, and then at little cost. */
export function countModes(sorted: ArrayLike<number>, levels: readonly number[]): number {
  if (sorted.length < FEWEST) return 1;
  // A log-concave kernel keeps a unimodal density unimodal (Ibragimov 1956): no need to smooth it.
  const parts = pieces(sorted, levels);
  return isUnimodal(parts) ? 1 : modesOf(parts, sorted, levels).length;
}

/** Does mass / width rise to one peak and then fall? */
function isUnimodal({ edges, masses }: Pieces): boolean {
  let falling = false;
  let before = 0;
  for (let s = 0; s < masses.length; s++) {
    const width = edges[s + 1]! - edges[s]!;
    const height = masses[s]! / width;
    if (height < before) falling = true;
    // The outer pieces are as high as their neighbours, but for rounding.
    else if (falling && height > before * (1 + 1e-9)) return false;
    before = height;
  }
  return true;
}

/** Removes the valley that `pick` names, and the lower of its two peaks, until it names none. */
function mergeWhile(
  peaks: Peak[],
  valleys: number[],
  pick: (peaks: readonly Peak[], valleys: readonly number[]) => number,
): void {
  for (let v = pick(peaks, valleys); v >= 0; v = pick(peaks, valleys)) {
    const [a, b] = [peaks[v] as Peak, peaks[v + 1] as Peak];
    const higher = a.height >= b.height ? a : b;
    peaks.splice(v, 2, { x: higher.x, height: higher.height, mass: a.mass + b.mass });
    valleys.splice(v, 1);
  }
}

/** The valley least below its peaks, when not deep enough; else -1. */
function flattest(peaks: readonly Peak[], valleys: readonly number[]): number {
  let worst = -1;
  let ratio = VALLEY;
  valleys.forEach((depth, v) => {
    const r = depth / Math.min((peaks[v] as Peak).height, (peaks[v + 1] as Peak).height);
    if (r > ratio) [worst, ratio] = [v, r];
  });
  return worst;
}

/** The shallower valley beside the lightest mode, when that is too light; else -1. */
function lightest(peaks: readonly Peak[], valleys: readonly number[]): number {
  let light = 0;
  peaks.forEach(({ mass }, p) => {
    if (mass < (peaks[light] as Peak).mass) light = p;
  });
  // Rounding must not cost a mode whose mass is just the least.
  if (peaks.length < 2 || (peaks[light] as Peak).mass >= LEAST_MASS - 1e-9) return -1;
  const [before, after] = [valleys[light - 1] ?? -1, valleys[light] ?? -1];
  return before > after ? light - 1 : light;
}
