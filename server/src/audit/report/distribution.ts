import { times, type Pace } from './pace.js';

/** Bars of a histogram. */
const BINS = 64;

/** What a report says of one figure over all responses. */
export interface FigureSummary {
  /** Responses that have the figure. */
  readonly size: number;
  /** NaN without one. */
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** Of equal width from `low` to `high`; the last holds `high` itself. */
  readonly counts: Uint32Array;
}

const bits = new DataView(new ArrayBuffer(4));

/** The order of float32 numbers as unsigned integers: the sign bit turned, negative numbers upside down. */
function keyOf(x: number): number {
  bits.setFloat32(0, x);
  const word = bits.getUint32(0);
  return word >>> 31 === 1 ? ~word >>> 0 : (word | 0x80000000) >>> 0;
}

function ofKey(key: number): number {
  bits.setUint32(0, key >>> 31 === 1 ? key & 0x7fffffff : ~key);
  return bits.getFloat32(0);
}

/**
 * Median and histogram without sorting, which would hold up an event loop for seconds: the upper, then
 * the lower halves of the keys are counted (radix selection), so memory does not grow with n.
 * @param get the i-th of n numbers, each a float32; NaN are left out
 */
export async function summarizeFigure(
  n: number,
  get: (i: number) => number,
  pace: Pace,
): Promise<FigureSummary> {
  const upper = new Uint32Array(1 << 16);
  let size = 0;
  let [low, high] = [Infinity, -Infinity];
  await times(
    n,
    (i) => {
      const x = get(i);
      if (Number.isNaN(x)) return;
      size++;
      if (x < low) low = x;
      if (x > high) high = x;
      upper[keyOf(x) >>> 16]! += 1;
    },
    pace,
  );
  const counts = new Uint32Array(BINS);
  if (size === 0) return { size, median: Number.NaN, low: 0, high: 1, counts };
  // An even number of figures has two middles, perhaps in different halves.
  const middles = [(size - 1) >> 1, size >> 1].map((rank) => place(upper, rank));
  const lower = new Map(middles.map(({ at }) => [at, new Uint32Array(1 << 16)]));
  const step = (high - low || 1) / BINS;
  await times(
    n,
    (i) => {
      const x = get(i);
      if (Number.isNaN(x)) return;
      counts[Math.min(Math.floor((x - low) / step), BINS - 1)]! += 1;
      const key = keyOf(x);
      const near = lower.get(key >>> 16);
      if (near !== undefined) near[key & 0xffff]! += 1;
    },
    pace,
  );
  const [a = 0, b = 0] = middles.map(({ at, rank }) => {
    const { at: rest } = place(lower.get(at) ?? upper, rank);
    return ofKey(((at << 16) | rest) >>> 0);
  });
  return { size, median: (a + b) / 2, low, high, counts };
}

/** The counter that holds the number of a rank (from 0), and its rank in there. */
function place(counts: Uint32Array, rank: number): { at: number; rank: number } {
  for (let at = 0; at < counts.length; at++) {
    const here = counts[at] ?? 0;
    if (rank < here) return { at, rank };
    rank -= here;
  }
  return { at: counts.length - 1, rank: 0 };
}
