import { describe, expect, it } from 'vitest';
import { bot, refused, said, system, user } from './helpers.js';

const answers = { chosen: 'A', rejected: 'B' };
const lists = (...before: object[]) => ({
  chosen: [...before, bot('A')],
  rejected: [...before, bot('B')],
});
const both = (before: string) => [
  `chosen: ${before}*assistant A`,
  `rejected: ${before}*assistant B`,
];

describe('what precedes the answers is read or said, never left out', () => {
  it.each<[string, object]>([
    ['prompt', { prompt: ['Q'] }],
    ['prompt', { prompt: ['Q', 'A', 'R'] }],
    ['prompt', { prompt: [user('Hi'), { content: 'Q' }] }],
    ['prompt', { prompt: { question: 'Q' } }],
    ['prompt', { prompt: { text: 'Q', image: 'x.png' } }],
    ['prompt', { prompt: [[user('Q')]] }],
    ['question', { question: [{ a: 1 }] }],
    ['instruction', { instruction: [1, 2] }],
    ['context', { context: { source: 'web' }, prompt: 'Q' }],
    ['context', { context: 'A passage.', question: 'Q' }],
    ['question', { prompt: 'P', question: 'Q' }],
    ['input', { prompt: 'P', input: 'Q' }],
    ['system', { system: ['S'], prompt: 'Q' }],
    ['system', { system: { a: 'S' }, prompt: 'Q' }],
    ['system_prompt', { system: 'S', system_prompt: 'T', prompt: 'Q' }],
    ['history', { history: 'Earlier.', prompt: 'Q' }],
    ['history', { history: [['a', 'b', 'c']], prompt: 'Q' }],
    ['history', { history: ['a', 'b'], prompt: 'Q' }],
    ['messages', { messages: ['x'], prompt: 'Q' }],
    ['conversation', { conversation: 'User: x', prompt: 'Q' }],
    ['messages', { messages: [user('other')], prompt: 'Q' }],
  ])('%s of %j is a problem that names it', async (field, record) => {
    await refused({ ...record, ...answers }, `'${field}'`);
    await refused({ ...record, response: 'A' }, `'${field}'`);
    await refused({ ...record, completions: ['A', 'B'] }, `'${field}'`);
  });

  it.each<[string, object, string]>([
    ['a prompt', { prompt: 'Q' }, 'user Q | '],
    ['system and prompt', { system: 'S', prompt: 'Q' }, 'system S | user Q | '],
    ['system and no prompt', { system: 'S', prompt: null }, 'system S | '],
    ['instruction and input', { instruction: 'I', input: 'X' }, 'user I\n\nX | '],
    ['instruction and context', { instruction: 'I', context: 'X' }, 'user I\n\nX | '],
    ['instruction and empty input', { instruction: 'I', input: '' }, 'user I | '],
    ['the same prompt twice', { prompt: 'Q', question: 'Q ' }, 'user Q | '],
    [
      'a written-out prompt that holds the instruction',
      { prompt: 'Below is a task.\n\nQ\n\nAnswer it.', instruction: 'Q' },
      'user Below is a task.\n\nQ\n\nAnswer it. | ',
    ],
    [
      'history of pairs',
      { history: [['q', 'a']], instruction: 'I' },
      'user q | assistant a | user I | ',
    ],
    [
      'history of messages',
      { history: [user('q'), bot('a')], prompt: 'Q' },
      'user q | assistant a | user Q | ',
    ],
    ['a post as history', { history: 'Post' }, 'user Post | '],
    ['messages', { messages: [system('S'), user('Q')] }, 'system S | user Q | '],
    ['conversations', { conversations: [{ from: 'human', value: 'Q' }] }, 'user Q | '],
    ['an object with messages', { prompt: { messages: [user('Q')] } }, 'user Q | '],
    ['an object with a text', { prompt: { text: 'Q' } }, 'user Q | '],
    ['one message', { prompt: user('Q') }, 'user Q | '],
  ])('%s', async (_name, record, before) => {
    const { read, problems } = await said({ ...record, ...answers });
    expect(read).toEqual(both(before));
    expect(problems.filter((p) => !p.startsWith('blank-prompt'))).toEqual([]);
  });
});

describe('system text beside full lists', () => {
  const whole = both('system S | user Q | ');
  it.each<[string, object]>([
    ['field', { system: 'S', prompt: 'Q', ...lists(user('Q')) }],
    ['field, no prompt', { system: 'S', ...lists(user('Q')) }],
    ['field and bare answers', { system: 'S', prompt: 'Q', ...lists() }],
    ['in the prompt', { prompt: [system('S'), user('Q')], ...lists(user('Q')) }],
    [
      'in the prompt and the lists',
      { prompt: [system('S'), user('Q')], ...lists(system('S'), user('Q')) },
    ],
    ['field and lists', { system: 'S', ...lists(system('S'), user('Q')) }],
    ['developer', { system_prompt: 'S', ...lists(user('Q')) }],
  ])('comes first: %s', async (_name, record) => {
    const { read, problems } = await said(record);
    expect(problems).toEqual([]);
    expect(read).toEqual(whole);
  });

  it('a transcript too; another system message is said', async () => {
    expect((await said({ system: 'S', messages: [user('Q'), bot('A')] })).read).toEqual([
      'transcript: system S | user Q | *assistant A',
    ]);
    const other = [system('T'), user('Q'), bot('A')];
    await refused({ system: 'S', messages: other }, 'system');
    await refused({ system: 'S', chosen: other, rejected: other }, 'system');
  });
});

describe('lists that repeat the prompt, or do not', () => {
  it('a prompt that is in the lists is not doubled', async () => {
    expect((await said({ prompt: 'Q', ...lists(user('Q')) })).read).toEqual(both('user Q | '));
    const long = lists(user('Hi'), bot('Yo'), user('Q'));
    const expected = both('user Hi | assistant Yo | user Q | ');
    expect((await said({ prompt: 'Hi', ...long })).read).toEqual(expected);
    expect((await said({ prompt: 'Q', ...long })).read).toEqual(expected);
    // UltraFeedback, binarized: `messages` is the chosen conversation once more.
    expect((await said({ prompt: 'Hi', ...long, messages: long.chosen })).read).toEqual(expected);
  });

  it('another prompt is said', async () => {
    await refused({ prompt: 'No', ...lists(user('Nothing')) }, 'chosen', 'differs');
    await refused({ prompt: 'P', messages: [user('Q'), bot('A')] }, 'messages', 'differs');
    await refused({ messages: [user('Q'), bot('A')], chosen: 'x', rejected: 'y' }, 'chosen');
  });

  it('a conversation that waits for its answer takes the response', async () => {
    expect((await said({ messages: [user('Q')], response: 'A' })).read).toEqual([
      'response: user Q | *assistant A',
    ]);
    const record = { messages: [user('Q'), bot('A')], rejected_response: 'B' };
    expect((await said(record)).read).toEqual(both('user Q | '));
  });
});

describe('blank prompts and answers', () => {
  it('an empty prompt is said and the row is read', async () => {
    for (const prompt of ['', ' \n', '\u200b', [], {}]) {
      const { read, problems } = await said({ prompt, ...answers });
      expect(read).toHaveLength(2);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^blank-prompt: the prompt is empty/);
    }
  });

  it('a missing half is said; an empty one is a response to be told unscored', async () => {
    await refused({ prompt: 'Q', chosen: null, rejected: 'B' }, 'chosen is null or NaN');
    await refused({ prompt: 'Q', rejected: 'B' }, 'chosen is missing');
    await refused({ prompt: 'Q', chosen: [], rejected: 'B' }, 'chosen');
    await refused({ prompt: 'Q', chosen: [user('x')], rejected: 'B' }, 'no assistant turn');
    expect((await said({ prompt: 'Q', chosen: 'A', rejected: '' })).read).toEqual([
      'chosen: user Q | *assistant A',
      'rejected: user Q | *assistant ',
    ]);
    expect((await said({ prompt: 'Q', chosen: '', rejected: '' })).read).toHaveLength(2);
  });
});
