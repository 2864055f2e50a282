import type { RaterLabels } from './pinball.js';

/** P(a sample with the high label has the higher expectation), ties one half: Mann-Whitney's U. */
export function auroc(scores: readonly number[], labels: RaterLabels, high: number): number {
  const each = labels.flatMap((raters, i) => raters.map((y) => ({ y, s: scores[i]! })));
  const rank = ranks(each.map(({ s }) => s));
  const positive = each.reduce((n, { y }) => n + (y === high ? 1 : 0), 0);
  const sum = each.reduce((total, { y }, i) => total + (y === high ? rank[i]! + 1 : 0), 0);
  const negative = each.length - positive;
  return (sum - (positive * (positive + 1)) / 2) / (positive * negative);
}

/** Spearman's rank correlation; ties share their mean rank. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

/** Ranks from 0, ascending; ties share their mean rank. */
export function ranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const out = new Array<number>(values.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    while (to < order.length && values[order[to]!] === values[order[from]!]) to++;
    for (let k = from; k < to; k++) out[order[k]!] = (from + to - 1) / 2;
    from = to;
  }
  return out;
}

/** Pearson's correlation; 0 where one side does not vary. */
function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]): number => x.reduce((s, v) => s + v, 0) / x.length;
  const ma = mean(a);
  const mb = mean(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((x, i) => {
    ab += (x - ma) * (b[i]! - mb);
    aa += (x - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return aa > 0 && bb > 0 ? ab / Math.sqrt(aa * bb) : 0;
}
