import { quantileAt } from './quantile-function.js';

/**
 * The kernel's standard deviation is this times scale * K^(-1/5): two thirds of Silverman's rule (1986,
 * eq. 3.31, with 0.9), which is made for random samples. Quantiles at even levels are less noisy, and
 * at 0.9 three clear modes melt into one.
 */
const SMOOTHING = 0.6;
/** The biweight kernel on [-1, 1] has variance 1/7. */
const BIWEIGHT_SD = 1 / Math.sqrt(7);
/** Q(0.75) - Q(0.25) and Q(0.95) - Q(0.05) of the standard normal distribution. */
const NORMAL_MIDDLE_HALF = 1.349;
const NORMAL_MIDDLE_NINETY = 3.29;

/**
 * Half the width of the smoothing kernel, in the reward's unit: a rule of thumb after Silverman
 * with the scale taken from the quantiles, so that one outlying quantile does not blur the rest. Above 0 always.
 */
export function bandwidth(sorted: ArrayLike<number>, levels: readonly number[]): number {
  const K = sorted.length;
  const width = (inner: number) =>
    quantileAt(sorted, levels, (1 + inner) / 2) - quantileAt(sorted, levels, (1 - inner) / 2);
  const half = width(0.5) / NORMAL_MIDDLE_HALF;
  const ninety = width(0.9) / NORMAL_MIDDLE_NINETY;
  // Where all levels lie in one tail, both widths are 0 and the range must do.
  const range = ((sorted[K - 1] ?? 0) - (sorted[0] ?? 0)) / NORMAL_MIDDLE_NINETY;
  const scale = Math.min(...[half, ninety, range].filter((width) => width > 0));
  const far = Math.max(Math.abs(sorted[0] ?? 0), Math.abs(sorted[K - 1] ?? 0));
  // A point mass is drawn as a needle: a thousandth of its distance from 0.
  if (scale === Infinity) return Math.max(far * 1e-3, 1e-6);
  return Math.max((SMOOTHING * scale * K ** -0.2) / BIWEIGHT_SD, far * 1e-9, 1e-12);
}

/**
 * The density, for drawing: uniform between neighbouring quantiles, the outer masses tau_1 and
 * 1 - tau_K spread as thinly as their neighbours (a drawing has no use for the point masses of
 * `quantileAt`), convolved with a biweight kernel. Non-negative, twice continuously differentiable,
 * integrates to 1 exactly.
 * @param xs where it is wanted
 * @param h half the kernel's width
 * @returns the density at each x, in 1 / reward
 */
export function density(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  xs: ArrayLike<number>,
  h = bandwidth(sorted, levels),
): Float64Array {
  return smooth(pieces(sorted, levels), xs, h);
}

/** The pieces convolved with the kernel, at each x. */
export function smooth({ edges, masses }: Pieces, xs: ArrayLike<number>, h: number): Float64Array {
  const out = new Float64Array(xs.length);
  for (let p = 0; p < xs.length; p++) {
    const x = xs[p] as number;
    let f = 0;
    // Neighbouring pieces share an edge, and so a value of the kernel's distribution function.
    let left = kernelCdf((x - (edges[0] as number)) / h);
    for (let s = 0; s < masses.length && left > 0; s++) {
      const a = edges[s] as number;
      const b = edges[s + 1] as number;
      const right = kernelCdf((x - b) / h);
      if (b - a > 1e-6 * h) f += ((masses[s] as number) / (b - a)) * (left - right);
      else f += ((masses[s] as number) / h) * kernel((x - (a + b) / 2) / h);
      left = right;
    }
    out[p] = Math.max(f, 0);
  }
  return out;
}

/** A curve over the whole support of the density, `points` equally spaced; both ends are 0. */
export function densityCurve(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  points = 129,
): { x: Float64Array; y: Float64Array } {
  const h = bandwidth(sorted, levels);
  const [low, high] = support(sorted, levels, h);
  const x = grid(low, high, points);
  return { x, y: density(sorted, levels, x, h) };
}

/** Where the density is above 0. */
export function support(
  sorted: ArrayLike<number>,
  levels: readonly number[],
  h = bandwidth(sorted, levels),
): [number, number] {
  const { edges } = pieces(sorted, levels);
  return [(edges[0] as number) - h, (edges[edges.length - 1] as number) + h];
}

/** `points` equally spaced numbers from low to high, both included. */
export function grid(low: number, high: number, points: number): Float64Array {
  const step = (high - low) / Math.max(points - 1, 1);
  return Float64Array.from({ length: points }, (_, p) => low + p * step);
}

/** The K+1 pieces: K+2 edges, ascending, and the mass between each two. */
export interface Pieces {
  readonly edges: Float64Array;
  readonly masses: Float64Array;
}

export function pieces(sorted: ArrayLike<number>, levels: readonly number[]): Pieces {
  const K = sorted.length;
  const edges = new Float64Array(K + 2);
  const masses = new Float64Array(K + 1);
  for (let k = 0; k < K; k++) {
    edges[k + 1] = sorted[k] as number;
    masses[k] = (levels[k] as number) - (levels[k - 1] ?? 0);
  }
  masses[K] = 1 - (levels[K - 1] as number);
  edges[0] = edges[1]!;
  edges[K + 1] = edges[K]!;
  if (K > 1) {
    // Never longer than all the rest, however sparse the levels.
    const range = edges[K]! - edges[1]!;
    edges[0] -= Math.min(((edges[2]! - edges[1]!) * masses[0]!) / masses[1]!, range);
    edges[K + 1]! += Math.min(((edges[K]! - edges[K - 1]!) * masses[K]!) / masses[K - 1]!, range);
  }
  return { edges, masses };
}

const kernel = (u: number): number => (Math.abs(u) < 1 ? (15 / 16) * (1 - u * u) ** 2 : 0);

function kernelCdf(u: number): number {
  if (u <= -1) return 0;
  if (u >= 1) return 1;
  const s = u * u;
  return 0.5 + (15 / 16) * u * (1 - (2 / 3) * s + 0.2 * s * s);
}
