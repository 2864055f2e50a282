import { describe, expect, it } from 'vitest';
import { readDataset, type DatasetRow } from '../../../server/src/datasets/index.js';
import { ItemReader, type Item, type NoItem } from '../../../server/src/evaluation/items/item.js';
import type { SuiteName } from '../../../server/src/evaluation/suites/index.js';

async function rowsOf(records: readonly object[], name = 'mine.jsonl'): Promise<DatasetRow[]> {
  const text = name.endsWith('.csv')
    ? (records as unknown as string[]).join('\n')
    : records.map((r) => JSON.stringify(r)).join('\n');
  const rows: DatasetRow[] = [];
  for await (const event of readDataset({ bytes: Buffer.from(text), name }, { aside: true }))
    if (event.type === 'row') rows.push(event.row);
  return rows;
}

async function itemsOf(records: readonly object[], asked?: SuiteName): Promise<(Item | NoItem)[]> {
  const reader = new ItemReader('mine', asked);
  return (await rowsOf(records)).map((row) => reader.read(row));
}

const prompt = [{ role: 'user', content: 'Why is the sky blue?' }];

describe('the suite is told from the layout', () => {
  it('RewardBench 1, HHH, any pairs', async () => {
    const pair = { prompt, chosen: 'Because of Rayleigh.', rejected: 'It is not.' };
    const [bench] = await itemsOf([{ ...pair, subset: 'llmbar-natural', id: 7 }]);
    expect(bench).toMatchObject({ suite: 'rewardbench', subset: 'llmbar-natural', id: '7', right: [0], wrong: [1] }); // prettier-ignore
    expect((await itemsOf([{ ...pair, subset: 'harmless' }]))[0]).toMatchObject({ suite: 'hhh' });
    expect((await itemsOf([{ ...pair, subset: 'mine' }]))[0]).toMatchObject({ suite: 'pairs', subset: 'mine' }); // prettier-ignore
    // The file's name stands for a subset that is not named.
    expect((await itemsOf([pair]))[0]).toMatchObject({ suite: 'pairs', subset: 'mine' });
  });

  it('RewardBench 2 and its Ties', async () => {
    const row = { prompt: 'Name a colour.', chosen: ['red'], rejected: ['dog', 'cat', 'cow'], num_correct: 1, num_incorrect: 3, total_completions: 4, subset: 'Precise IF', id: 'a' }; // prettier-ignore
    const ties = { ...row, chosen: ['red', 'blue'], num_correct: 2, total_completions: 5, subset: 'ties', id: 'tied:3' }; // prettier-ignore
    const [one, two] = await itemsOf([row, ties]);
    expect(one).toMatchObject({ suite: 'rewardbench-2', subset: 'Precise IF', right: [0], wrong: [1, 2, 3] }); // prettier-ignore
    expect(two).toMatchObject({ subset: 'Ties', id: 'tied:3', right: [0, 1], wrong: [2, 3, 4] });
  });

  it('RM-Bench', async () => {
    const row = { id: 'chat/1', prompt: 'Hi', chosen: ['a', 'b', 'c'], rejected: ['d', 'e', 'f'] };
    expect((await itemsOf([row]))[0]).toMatchObject({ suite: 'rm-bench', subset: 'chat', right: [0, 1, 2], wrong: [3, 4, 5] }); // prettier-ignore
  });

  it('JudgeBench, whichever side is right', async () => {
    const row = { pair_id: 'x', source: 'mmlu-pro-math', question: '1 + 1?', response_A: 'It is 2.', response_B: 'It is 3.' }; // prettier-ignore
    const rows = [
      { ...row, label: 'A>B' },
      { ...row, label: 'B>A' },
    ];
    const items = await itemsOf(rows);
    const read = await rowsOf(rows);
    items.forEach((item, n) => {
      expect(item).toMatchObject({ suite: 'judgebench', subset: 'Knowledge', id: 'x' });
      if ('error' in item || item.type !== 'preference') throw new Error('no preference');
      const right = read[n]!.conversations[item.right[0]!]!.turns.at(-1)!.content;
      expect(right).toBe(n === 0 ? 'It is 2.' : 'It is 3.');
    });
  });

  it('rated responses: own layout, columns, UltraFeedback, KTO', async () => {
    const own = { prompt, response: 'Rayleigh.', scores: { quality: [3, 4] }, scale: { quality: [1, 5] } }; // prettier-ignore
    const labels = async (record: object) => {
      const [item] = await itemsOf([record]);
      if (item === undefined || 'error' in item || item.type !== 'rated') throw new Error(JSON.stringify(item)); // prettier-ignore
      return item.responses.map((r) => Object.fromEntries(r.labels));
    };
    expect(await labels(own)).toEqual([{ quality: { values: [3, 4], scale: [1, 5] } }]);
    expect(await labels({ prompt: 'a', response: 'b', helpful: 3 })).toMatchObject([{ helpful: { values: [3] } }]); // prettier-ignore
    const ultra = { instruction: 'a', completions: [1, 2].map((n) => ({ response: `r${n}`, model: `m${n}`, annotations: { helpfulness: { Rating: String(n) } } })) }; // prettier-ignore
    expect(await labels(ultra)).toMatchObject([
      { helpfulness: { values: [1], scale: [1, 5] } },
      { helpfulness: { values: [2], scale: [1, 5] } },
    ]);
    expect(await labels({ prompt: 'a', completion: 'b', label: false })).toMatchObject([
      { desirable: { values: [false], scale: [0, 1] } },
    ]);
  });
});

describe('a row that does not fit', () => {
  it('is told with what was found and what the suite expects', async () => {
    const pair = { prompt, chosen: 'a b', rejected: 'c d' };
    const error = async (records: object[], asked?: SuiteName): Promise<string> => {
      const item = (await itemsOf(records, asked)).at(-1)!;
      return 'error' in item ? item.error : '';
    };
    expect(await error([{ ...pair, subset: 'hep-go' }, { ...pair, subset: 'hep-cobol' }])).toMatch(/the subset "hep-cobol"; RewardBench expects/); // prettier-ignore
    expect(await error([pair], 'rm-bench')).toMatch(/one chosen and one rejected response; RM-Bench expects .*three/); // prettier-ignore
    expect(await error([{ prompt: 'a', response_A: 'b', response_B: 'c', label: 'A=B' }], 'judgebench')).toMatch(/the label "A=B"/); // prettier-ignore
    const ties = { prompt: 'a', chosen: ['b', 'c'], rejected: ['d'], subset: 'Ties', id: '17' };
    expect(await error([ties])).toMatch(/the id "17" in Ties; .*"ref:N"/);
    expect(await error([{ ...ties, id: 'ref:1', num_correct: 3 }])).toMatch(/num_correct 3 and 2 in the lists/); // prettier-ignore
    expect(await error([{ prompt: 'a', response: 'b' }])).toMatch(/no suite fits/);
  });
});
