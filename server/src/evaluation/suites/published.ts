import type { SuiteName } from './suite.js';

/** What others measured, to stand beside: never computed here, with where it is from. */
export interface Published {
  readonly model: string;
  readonly total: number;
  readonly parts: readonly number[];
  readonly source: string;
}

/** In percent. RewardBench: Chat, Chat Hard, Safety, Reasoning; RewardBench 2: its six subsets in their order. */
export const PUBLISHED: Readonly<Partial<Record<SuiteName, readonly Published[]>>> = {
  rewardbench: [
    {
      model: 'QRM-Llama3-8B',
      total: 91.2,
      parts: [97.2, 78.5, 91.1, 98.0],
      source: 'Dorka 2024, Table 1',
    },
    { model: 'QRM-Llama3.1-8B-v2', total: 93.1, parts: [], source: 'leaderboard' },
  ],
  'rewardbench-2': [
    {
      model: 'QRM-Llama3.1-8B-v2',
      total: 70.7,
      parts: [66.5, 40.6, 61.2, 94.7, 89.1, 72.3],
      source: 'leaderboard',
    },
    { model: 'ArmoRM-Llama3-8B-v0.1', total: 66.5, parts: [], source: 'leaderboard' },
    { model: 'LDL-Reward-27B', total: 72.5, parts: [], source: 'leaderboard' },
  ],
};
