import type { Board, Contender } from '../board.js';
import type { LengthClass } from '../../protocol/index.js';
import { reliability, type Reliability } from '../statistics/index.js';

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
