import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { readAll } from '../helpers.js';
import { bot, refused, said, user } from './helpers.js';

describe('a response that is no use', () => {
  it.each<[record: unknown, words: string]>([
    [{ response: 'Yes.' }, "response has no prompt beside it (found the fields 'response')"],
    ['{"\\ufeffprompt": "Q", "response": "A"}', 'response has no prompt beside it'],
    [{ prompt: 'Q', responses: "['a', 'b']" }, 'responses is a text; expected a list'],
    [{ prompt: 'Q', responses: { a: 'x' } }, "responses is an object with the fields 'a'"],
    [{ messages: [] }, 'messages is an empty list'],
    [{ prompt: 'Q', output: {} }, 'output is an object with the fields (none)'],
  ])('%j', async (record, words) => {
    await refused(record, words);
  });
});

describe('an answer that nobody asked for is said', () => {
  it.each([
    [{ messages: [bot('A')] }, 'transcript'],
    [
      {
        conversations: [
          { from: 'system', value: 'S' },
          { from: 'gpt', value: 'A' },
        ],
      },
      'transcript',
    ],
    [{ prompt: [{ role: 'system', content: 'S' }], chosen: 'A', rejected: 'B' }, 'chosen'],
    [{ chosen: [user('Q'), bot('A')], rejected: 'B' }, 'chosen'],
  ])('%j', async (record, label) => {
    const { read, problems } = await said(record);
    expect(read[0]).toContain(label);
    expect(problems).toEqual([expect.stringMatching(/^blank-prompt: no prompt/)]);
  });

  it('and one that was is not', async () => {
    for (const record of [
      { messages: [bot('Hello.'), user('Q'), bot('A')] },
      { messages: [user('Q'), bot('A')] },
      { prompt: 'Q', chosen: 'A', rejected: 'B' },
    ])
      expect((await said(record)).problems).toEqual([]);
  });
});

describe('the halves of a pair', () => {
  it('that answer different prompts are read, and said', async () => {
    const { read, problems } = await said({
      chosen: [user('Q'), bot('A')],
      rejected: [user('Another'), bot('B')],
    });
    expect(read).toEqual([
      'chosen: user Q | *assistant A',
      'rejected: user Another | *assistant B',
    ]);
    expect(problems).toEqual([expect.stringMatching(/^other-prompt: chosen and rejected begin/)]);
  });

  it('with white space about one of the prompts are the same', async () => {
    const { problems } = await said({
      chosen: [user('Q\r\n'), bot('A')],
      rejected: [user(' Q'), bot('B')],
    });
    expect(problems).toEqual([]);
  });
});

it('an empty list as JSON in a string is no history', async () => {
  const { read, problems } = await said({ history: ' []', prompt: 'Q', response: 'A' });
  expect([read, problems]).toEqual([['response: user Q | *assistant A'], []]);
});

it('a damaged Arrow file is told in words', async () => {
  const good = Buffer.from(tableToIPC(tableFromArrays({ prompt: ['Q'], response: ['A'] }), 'file'));
  for (const bytes of [Buffer.from('ARROW1\0\0garbage'), good.subarray(0, good.length - 40)]) {
    const { rows, problems } = await readAll({ bytes, name: 'x.arrow' });
    expect(rows.length).toBeLessThan(2);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.message).toMatch(/^x\.arrow cannot be read on: from row \d on: /);
    expect(problems[0]!.message).not.toMatch(/undefined|null|not a function|properties/);
  }
});

describe('descriptions of tools beside a talk', () => {
  const tools = [{ type: 'function', function: { name: 'add' } }];
  it.each([[{ tools }], [{ tools: JSON.stringify(tools) }], [{ functions: tools }]])(
    '%j are said, not dropped',
    async (beside) => {
      const { read, problems } = await said({ ...beside, messages: [user('Q'), bot('A')] });
      expect(read).toEqual(['transcript: user Q | *assistant A']);
      expect(problems).toEqual([
        expect.stringMatching(/^unread-part: the field '(tools|functions)'/),
      ]);
    },
  );

  it.each([[[]], [null], [''], ['hammer, saw'], ['[]']])('%j are none', async (none) => {
    expect((await said({ tools: none, prompt: 'Q', response: 'A' })).problems).toEqual([]);
  });
});
