import { logFactorial } from '../paired-tests.js';
import type { StepPacer } from './step-pacer.js';

/** Below this many successes on average they are counted one by one. */
const FEW = 10;

/** Failures until each next success are geometric: as many steps as there are successes. */
function countedBinomial(n: number, p: number, random: () => number): number {
  const scale = Math.log1p(-p);
  let [sum, count] = [0, 0];
  for (;;) {
    sum += Math.ceil(Math.log(random()) / scale);
    if (!(sum <= n)) return count;
    count++;
  }
}

/**
 * BTRS, transformed rejection with squeeze (Hörmann 1993, "The generation of binomial random variates"): exact, in a
 * time that does not grow with n. For p <= 1/2 and n p >= 10.
 */
function rejectedBinomial(n: number, p: number, random: () => number): number {
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const squeeze = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((n + 1) * p);
  const odds = Math.log(p / (1 - p));
  const top = logFactorial(mode) + logFactorial(n - mode);
  for (;;) {
    const u = random() - 0.5;
    const v = random();
    const us = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / us + b) * u + centre);
    if (us >= 0.07 && v <= squeeze) return k;
    if (!(k >= 0 && k <= n)) continue;
    const height = Math.log((v * alpha) / (a / (us * us) + b));
    if (height <= top - logFactorial(k) - logFactorial(n - k) + (k - mode) * odds) return k;
  }
}

/** How many of n independent trials succeed, each with probability p. */
export function binomial(n: number, p: number, random: () => number): number {
  if (n === 0 || p <= 0) return 0;
  if (p >= 1) return n;
  if (p > 0.5) return n - binomial(n, 1 - p, random);
  return n * p < FEW ? countedBinomial(n, p, random) : rejectedBinomial(n, p, random);
}

/** Draws one by one up to so many: they cost little, and their order is easy to follow. */
const ONE_BY_ONE = 20_000;

/**
 * Draws as many members as there are, with replacement, and adds each to the weight of its kind.
 * Where kinds are far fewer than members, their numbers are drawn at once: multinomial, as chained binomials.
 * @param kinds kind of each member
 * @param size members of each kind from `from` to `to`, the kinds that members have
 */
export async function drawAgain(
  kinds: Uint32Array,
  size: ArrayLike<number>,
  [from, to]: readonly [number, number],
  weight: Uint32Array,
  random: () => number,
  pace: StepPacer,
): Promise<void> {
  const n = kinds.length;
  if (n > ONE_BY_ONE && (to - from) * 8 < n) {
    let [draws, left] = [n, n];
    for (let kind = from; kind < to; kind++) {
      const drawn = binomial(draws, size[kind]! / left, random);
      weight[kind]! += drawn;
      draws -= drawn;
      left -= size[kind]!;
      if (pace.due(32)) await pace.rest();
    }
    return;
  }
  for (let i = 0; i < n;) {
    const end = Math.min(n, i + 65_536);
    for (; i < end; i++) weight[kinds[Math.floor(random() * n)]!]!++;
    if (pace.due(65_536 * 4)) await pace.rest();
  }
}

/**
 * The same where every member is a kind of its own. A byte holds a weight: of up to 255 members none is drawn more
 * often, and of more the chance is 1 in 256!.
 */
export async function drawEach(
  n: number,
  weight: Uint8Array,
  random: () => number,
  pace: StepPacer,
): Promise<void> {
  weight.fill(0);
  for (let i = 0; i < n;) {
    const end = Math.min(n, i + 65_536);
    for (; i < end; i++) weight[Math.floor(random() * n)]!++;
    if (pace.due(65_536 * 4)) await pace.rest();
  }
}
