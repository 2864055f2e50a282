import { pooled, type Cell, type Suite, type Summary } from './suite.js';

/** Styles of RM-Bench's responses, in their order: concise, detailed, detailed with markdown. */
export const STYLES = 3;

/** Is the right response of style i above the wrong one of style j? Bit 3i + j. */
export function styleMatrix(right: ArrayLike<number>, wrong: ArrayLike<number>): number {
  let mask = 0;
  for (let i = 0; i < STYLES; i++)
    for (let j = 0; j < STYLES; j++) if (right[i]! > wrong[j]!) mask |= 1 << (STYLES * i + j);
  return mask;
}

const share = (mask: number, takes: (i: number, j: number) => boolean): number => {
  let [right, all] = [0, 0];
  for (let i = 0; i < STYLES; i++)
    for (let j = 0; j < STYLES; j++) {
      if (!takes(i, j)) continue;
      all++;
      right += (mask >> (STYLES * i + j)) & 1;
    }
  return right / all;
};

/** Hard: the wrong response has the richer style; easy: the poorer one. */
export const STYLE_PARTS = {
  hard: (mask: number) => share(mask, (i, j) => i < j),
  normal: (mask: number) => share(mask, (i, j) => i === j),
  easy: (mask: number) => share(mask, (i, j) => i > j),
} as const;

function summary(cells: ReadonlyMap<string, Cell>): Summary {
  const parts = ['hard', 'normal', 'easy'] as const;
  const domains = [...cells].filter(([name]) => !name.startsWith('style.')).map(([, c]) => c);
  return {
    total: { name: 'Total', value: pooled(domains) },
    sections: parts.map((part) => ({
      name: part,
      value: cells.get(`style.${part}`)?.mean ?? Number.NaN,
    })),
    notes: [],
  };
}

export const rmBench: Suite = {
  name: 'rm-bench',
  title: 'RM-Bench',
  expects: 'chosen and rejected as lists of three responses each (concise, detailed, markdown)',
  credit: (right, wrong) => share(styleMatrix(right, wrong), () => true),
  summary,
};
