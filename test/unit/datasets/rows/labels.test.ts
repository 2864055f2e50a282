import { describe, expect, it } from 'vitest';
import { turnVote } from '../../../../server/src/datasets/index.js';
import { ofText } from '../helpers.js';
import { bot, said, user } from './helpers.js';

/** Kind and label of each response, and the line after its vote is turned. */
async function told(record: Record<string, unknown>) {
  const line = JSON.stringify(record);
  const { row, problems } = await said(line);
  const conversations = row?.conversations ?? [];
  let contrary: string[] | undefined;
  if (row?.vote !== undefined) {
    let turned = Buffer.from(line);
    for (const { place, contrary: text } of turnVote(row.vote)!.reverse())
      turned = Buffer.concat([turned.subarray(0, place.start), Buffer.from(text), turned.subarray(place.end)]); // prettier-ignore
    const again = (await ofText(turned.toString())).rows[0]!;
    // Nothing but the vote is another.
    expect(again.conversations.map((c) => c.turns.map((t) => t.content))).toEqual(
      conversations.map((c) => c.turns.map((t) => t.content)),
    );
    contrary = again.conversations.map((c) => `${c.kind} ${c.label}`);
  }
  return {
    kinds: conversations.map((c) => `${c.kind} ${c.label}`),
    ratings: conversations.map((c) => c.gold?.rating),
    texts: conversations.map((c) => c.turns.map((t) => `${t.role} ${t.content}`).join(' | ')),
    problems,
    contrary,
  };
}

describe('which of two responses is better, by a field of its own', () => {
  const AB = { prompt: 'Q', response_a: 'x', response_b: 'y' };
  it.each([
    [
      'PKU',
      {
        prompt: 'Q',
        response_0: 'x',
        response_1: 'y',
        better_response_id: 1,
        safer_response_id: 0,
      },
    ],
    [
      'SHP',
      { history: 'Q', human_ref_A: 'x', human_ref_B: 'y', labels: 0, score_A: 3, score_B: 9 },
    ],
    ['JudgeBench', { question: 'Q', response_A: 'x', response_B: 'y', label: 'B>A' }],
    [
      'JudgeBench, the other way round',
      { question: 'Q', response_A: 'x', response_B: 'y', label: 'A<B' },
    ],
    ['HelpSteer2', { prompt: 'Q', response_1: 'x', response_2: 'y', preference_strength: 2 }],
    ['HelpSteer3', { context: [user('Q')], response1: 'x', response2: 'y', overall_preference: 1 }],
    ['AlpacaEval', { instruction: 'Q', output_1: 'x', output_2: 'y', preference: 2 }],
    ['a winner', { ...AB, winner: 'model_b' }],
    ['a verdict of a judge', { ...AB, winner: '[[B]]' }],
    [
      'MT-Bench',
      {
        conversation_a: [user('Q'), bot('x')],
        conversation_b: [user('Q'), bot('y')],
        winner: 'model_b',
      },
    ],
  ])('%s', async (_, record) => {
    const { kinds, ratings, texts, problems, contrary } = await told(record);
    expect(problems).toEqual([]);
    expect(kinds.map((k) => k.split(' ')[0])).toEqual(['rejected', 'chosen']);
    expect(ratings).toEqual([0, 1]);
    expect(texts).toEqual(['user Q | assistant x', 'user Q | assistant y']);
    // Turned by its vote, the other one is chosen.
    expect(contrary?.map((k) => k.split(' ')[0])).toEqual(['chosen', 'rejected']);
  });

  it.each([
    ['a tie', { ...AB, winner: 'tie' }],
    ['both bad', { ...AB, winner: 'tie (bothbad)' }],
    ['no strength', { prompt: 'Q', response_1: 'x', response_2: 'y', preference_strength: 0 }],
    ['A=B', { question: 'Q', response_A: 'x', response_B: 'y', label: 'A=B' }],
    ['a label that says nothing here', { ...AB, label: 'sports' }],
    ['no label', AB],
  ])('%s: two completions', async (_, record) => {
    const { kinds, ratings, contrary } = await told(record);
    expect(kinds.map((k) => k.split(' ')[0])).toEqual(['completion', 'completion']);
    expect(ratings).toEqual([undefined, undefined]);
    expect(contrary).toBeUndefined();
  });

  it.each([
    ['columns of ones and noughts', { ...AB, winner_model_a: 0, winner_model_b: 1, winner_tie: 0 }],
    ['of true and false', { ...AB, winner_model_a: false, winner_model_b: true }],
    ['votes', { ...AB, votes_a: 2, votes_b: 7 }],
    ['scores with capitals', { prompt: 'Q', response_A: 'x', response_B: 'y', score_A: 0.5, score_B: 10 }],
    ['a word', { ...AB, preferred: 'Second' }],
    ['AlpacaEval between 1 and 2', { instruction: 'Q', output_1: 'x', output_2: 'y', preference: 1.9 }],
  ])('%s', async (_, record) => {
    const { kinds, contrary } = await told(record);
    expect(kinds.map((k) => k.split(' ')[0])).toEqual(['rejected', 'chosen']);
    expect(contrary?.map((k) => k.split(' ')[0])).toEqual(['chosen', 'rejected']);
  }); // prettier-ignore

  it('a negative strength prefers the first, and turns to a positive one', async () => {
    const { kinds, contrary } = await told({
      prompt: 'Q',
      response_1: 'x',
      response_2: 'y',
      preference_strength: -3,
    });
    expect(kinds).toEqual(['chosen response_1', 'rejected response_2']);
    expect(contrary).toEqual(['rejected response_1', 'chosen response_2']);
  });
});

describe('several responses with how good they were found', () => {
  it.each([
    [
      'distilabel',
      { instruction: 'Q', generations: ['x', 'y', 'z'], ratings: [3, 5, 1] },
      [3, 5, 1],
    ],
    [
      'Nectar',
      {
        prompt: '\n\nHuman: Q\n\nAssistant: ',
        answers: [
          { answer: 'x', model: 'a', rank: 2 },
          { answer: 'y', model: 'b', rank: 1 },
          { answer: 'z', model: 'c', rank: 7 },
        ],
      },
      [-2, -1, -7],
    ],
    [
      'UltraFeedback',
      {
        instruction: 'Q',
        completions: [
          { response: 'x', overall_score: 5 },
          { response: 'y', overall_score: 9 },
          { response: 'z', overall_score: 2 },
        ],
      },
      [5, 9, 2],
    ],
    [
      'Stack Exchange',
      {
        question: 'Q',
        answers: [
          { text: 'x', pm_score: 2 },
          { text: 'y', pm_score: 8 },
          { text: 'z', pm_score: 0 },
        ],
      },
      [2, 8, 0],
    ],
    ['InstructGPT', { prompt: 'Q', responses: ['x', 'y', 'z'], ranks: [2, 1, 3] }, [-2, -1, -3]],
  ])('%s', async (_, record, ratings) => {
    const found = await told(record);
    expect(found.problems).toEqual([]);
    expect(found.kinds.map((k) => k.split(' ')[0])).toEqual(['completion', 'chosen', 'rejected']);
    expect(found.ratings).toEqual(ratings);
    expect(found.texts).toEqual(['x', 'y', 'z'].map((t) => `user Q | assistant ${t}`));
  });

  it('RewardBench 2 and RM-Bench: every chosen answer is meant to beat every rejected one', async () => {
    const bench = { prompt: 'Q', chosen: ['a', 'b'], rejected: ['x', 'y'] };
    const found = await told(bench);
    expect(found.kinds).toEqual([
      'chosen chosen 1',
      'chosen chosen 2',
      'rejected rejected 1',
      'rejected rejected 2',
    ]);
    expect(found.ratings).toEqual([1, 1, 0, 0]);
  });

  it('equal or missing ratings say nothing', async () => {
    const equal = await told({ prompt: 'Q', responses: ['x', 'y'], ratings: [3, 3] });
    expect(equal.ratings).toEqual([undefined, undefined]);
    const missing = await told({ prompt: 'Q', responses: ['x', 'y', 'z'], ratings: [3, null, 4] });
    expect(missing.kinds.map((k) => k.split(' ')[0])).toEqual(['rejected', 'completion', 'chosen']);
  });
});

describe('pairs under other names', () => {
  it.each([
    [
      'OpenAI preference tuning',
      {
        input: { messages: [user('Q')], tools: [] },
        preferred_output: [bot('x')],
        non_preferred_output: [bot('y')],
      },
    ],
    ['text_chosen', { prompt: 'Q', text_chosen: 'x', text_rejected: 'y' }],
    ['text_prompt', { text_prompt: 'Q', text_chosen: 'x', text_rejected: 'y' }],
    ['ms-swift', { messages: [user('Q'), bot('x')], rejected_response: 'y' }],
    [
      'ms-swift, messages',
      { messages: [user('Q'), bot('x')], rejected_messages: [user('Q'), bot('y')] },
    ],
  ])('%s', async (_, record) => {
    const { read, problems } = await said(record);
    expect(problems).toEqual([]);
    expect(read).toEqual(['chosen: user Q | *assistant x', 'rejected: user Q | *assistant y']);
  });
});
