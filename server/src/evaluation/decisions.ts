import type { Board, Contender } from './board.js';
import type { Abstention, LengthClass } from '../protocol/index.js';
import {
  interval,
  reliability,
  riskCoverage,
  seeded,
  type Reliability,
} from './statistics/index.js';

/** Accuracy by which of the two is longer: length bias. Lists have no one length and are left out. */
export function lengthClasses(
  board: Board,
  items: ArrayLike<number>,
  contender: Contender,
): LengthClass[] {
  const classes = ['longer', 'equal', 'shorter'] as const;
  const sums = classes.map(() => ({ items: 0, right: 0 }));
  for (let n = 0; n < items.length; n++) {
    const i = items[n]!;
    const [a, b] = [board.rightLength.get(i), board.wrongLength.get(i)];
    const sum = sums[a > b ? 0 : a === b ? 1 : 2]!;
    sum.items++;
    sum.right += contender.credit[0]!.get(i);
  }
  return classes.map((chosen, c) => {
    const { items: count, right } = sums[c]!;
    return { chosen, items: count, accuracy: right / count };
  });
}

/** Reliability of P(the preferred response is better); undefined where a row gives no probability. */
export function reliabilityOf(
  items: ArrayLike<number>,
  contender: Contender,
): Reliability | undefined {
  const found = reliability({
    length: items.length,
    confidence: (n) => contender.confidence.get(items[n]!),
    right: (n) => rightOf(contender, items[n]!),
  });
  return Number.isNaN(found.ece) ? undefined : found;
}

/** A decision between equals is neither right nor wrong. */
function rightOf(contender: Contender, i: number): number {
  const margin = contender.margin.get(i);
  return margin > 0 ? 1 : margin === 0 ? 0.5 : 0;
}

/** Above this no interval is made: each replicate sorts all items. */
const MOST = 50_000;
const REPLICATES = 200;

/** Accuracy when the least sure are left open, by what surety is taken from; the margin, a point model's, first. */
export function abstentions(
  board: Board,
  items: ArrayLike<number>,
  contender: Contender,
  { seed, level }: { seed: number; level: number },
): Abstention[] {
  const known: number[] = [];
  for (let n = 0; n < items.length; n++)
    if (!Number.isNaN(contender.confidence.get(items[n]!))) known.push(items[n]!);
  if (known.length === 0) return [];
  const margin = (i: number): number => Math.abs(contender.margin.get(i));
  const width = (i: number): number => contender.width.get(i);
  const signals = [
    { signal: 'margin', sure: margin },
    { signal: 'P(beats)', sure: (i: number) => contender.confidence.get(i) },
    { signal: 'margin / width', sure: (i: number) => margin(i) / width(i) },
    { signal: 'narrowness', sure: (i: number) => -width(i) },
  ] as const;
  const used = contender.distribution ? signals : signals.slice(0, 1);
  const right = (i: number): number => contender.credit[0]!.get(i);
  const draws = known.length <= MOST ? resamples(board, known, seed) : [];
  const areas = (sure: (i: number) => number): number[] =>
    draws.map(
      (d) =>
        riskCoverage(
          d.length,
          (n) => sure(d[n]!),
          (n) => right(d[n]!),
        ).area,
    );
  const base = used.length > 1 ? areas(margin) : [];
  return used.map(({ signal, sure }): Abstention => {
    const found = riskCoverage(
      known.length,
      (n) => sure(known[n]!),
      (n) => right(known[n]!),
    );
    if (signal === 'margin') return { signal, ...found };
    const [low, high] = interval(
      areas(sure).map((a, b) => a - base[b]!),
      level,
    );
    const point = riskCoverage(
      known.length,
      (n) => margin(known[n]!),
      (n) => right(known[n]!),
    );
    return { signal, ...found, versusMargin: { value: found.area - point.area, low, high } };
  });
}

/** Items of as many prompts, drawn anew. */
function resamples(board: Board, items: readonly number[], seed: number): number[][] {
  const byPrompt = new Map<number, number[]>();
  for (const i of items) {
    const cluster = board.cluster.get(i);
    const known = byPrompt.get(cluster);
    if (known === undefined) byPrompt.set(cluster, [i]);
    else known.push(i);
  }
  const prompts = [...byPrompt.values()];
  const random = seeded(seed);
  return Array.from({ length: REPLICATES }, () => {
    const out: number[] = [];
    for (let n = 0; n < prompts.length; n++)
      for (const i of prompts[Math.floor(random() * prompts.length)]!) out.push(i);
    return out;
  });
}
