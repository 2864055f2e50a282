import { judgeBench } from './judgebench.js';
import { rewardBench } from './rewardbench.js';
import { rewardBench2 } from './rewardbench2.js';
import { rmBench } from './rm-bench.js';
import { accuracyOf, strict, type PreferenceSuite, type Suite } from './suite.js';

export * from './suite.js';

const pairs: Suite = {
  name: 'pairs',
  title: 'Pairs',
  expects: 'chosen and rejected (and, if it is to be told apart, a subset)',
  credit: strict,
  summary: (cells) => accuracyOf('Accuracy', cells),
};

const hhh: Suite = {
  ...pairs,
  name: 'hhh',
  title: 'HHH',
  expects: 'chosen and rejected with a subset of harmless, helpful, honest, other',
};

export const RATED_EXPECTS =
  'prompt, response and labels: scores {attribute: [labels]}, or numeric columns beside them';

const ALL: Readonly<Record<PreferenceSuite, Suite>> = {
  rewardbench: rewardBench,
  'rewardbench-2': rewardBench2,
  'rm-bench': rmBench,
  judgebench: judgeBench,
  hhh,
  pairs,
};

export const suiteOf = (name: PreferenceSuite): Suite => ALL[name];
