import { describe, expect, it } from 'vitest';
import { type FieldMapping } from '../../../../server/src/datasets/index.js';
import { ofText, TextView, turnsOf } from '../helpers.js';

const user = (content: string) => ({ role: 'user', content });
const bot = (content: string) => ({ role: 'assistant', content });

/** kind, label, turns as `role: content`, targets. */
async function shape(record: unknown, mapping?: FieldMapping): Promise<unknown[]> {
  const bytes = Buffer.from(JSON.stringify(record));
  const { rows, problems } = await ofText(bytes, 'x.jsonl', { mapping });
  expect(problems).toEqual([]);
  const view = new TextView(bytes);
  for (const t of turnsOf(rows)) {
    if (t.place) expect(JSON.parse(`"${view.slice(t.place)}"`)).toBe(t.content);
    else if (t.content !== '') expect(t.pieces?.length).toBeGreaterThan(1);
  }
  return rows[0]!.conversations.map((c) => [
    c.label,
    c.turns.map((t) => `${t.role}: ${t.content}`),
    c.targets,
  ]);
}

describe('what a record means', () => {
  it.each<[string, unknown, unknown[]]>([
    [
      'explicit preference',
      { prompt: 'Sky?', chosen: 'Blue.', rejected: 'Green.' },
      [
        ['chosen', ['user: Sky?', 'assistant: Blue.'], [1]],
        ['rejected', ['user: Sky?', 'assistant: Green.'], [1]],
      ],
    ],
    [
      'implicit preference: the shared beginning, ended at a word, is the prompt',
      { chosen: 'The sky is blue.', rejected: 'The sky is black.' },
      [
        ['chosen', ['user: The sky is', 'assistant: blue.'], [1]],
        ['rejected', ['user: The sky is', 'assistant: black.'], [1]],
      ],
    ],
    [
      'conversational preference with a prompt',
      { prompt: [user('Sky?')], chosen: [bot('Blue')], rejected: [bot('Green')] },
      [
        ['chosen', ['user: Sky?', 'assistant: Blue'], [1]],
        ['rejected', ['user: Sky?', 'assistant: Green'], [1]],
      ],
    ],
    [
      'conversational preference that repeats a string prompt, several turns',
      {
        prompt: 'Hi',
        chosen: [user('Hi'), bot('Hello'), user('Sky?'), bot('Blue')],
        rejected: [user('Hi'), bot('Hello'), user('Sky?'), bot('Green')],
      },
      [
        ['chosen', ['user: Hi', 'assistant: Hello', 'user: Sky?', 'assistant: Blue'], [3]],
        ['rejected', ['user: Hi', 'assistant: Hello', 'user: Sky?', 'assistant: Green'], [3]],
      ],
    ],
    [
      'HH prompt with completions',
      { prompt: '\n\nHuman: Sky?\n\nAssistant:', chosen: ' Blue', rejected: ' Green' },
      [
        ['chosen', ['user: Sky?', 'assistant:  Blue'], [1]],
        ['rejected', ['user: Sky?', 'assistant:  Green'], [1]],
      ],
    ],
    [
      'prompt and response, system, unpaired label',
      { system: 'Be brief', prompt: 'Sky?', completion: 'Blue', label: false },
      [['undesirable', ['system: Be brief', 'user: Sky?', 'assistant: Blue'], [2]]],
    ],
    [
      'alpaca without input',
      { instruction: 'Name a colour', input: '', output: 'Blue' },
      [['response', ['user: Name a colour', 'assistant: Blue'], [1]]],
    ],
    [
      'alpaca with input: two pieces',
      { instruction: 'Translate', input: 'blau', output: 'blue' },
      [['response', ['user: Translate\n\nblau', 'assistant: blue'], [1]]],
    ],
    [
      'OpenAI messages, content parts, a tool call without text',
      {
        messages: [
          { role: 'system', content: 'S' },
          { role: 'user', content: [{ type: 'text', text: 'Q' }] },
          { role: 'assistant', content: null, tool_calls: [{ id: 1 }] },
          { role: 'assistant', content: 'A' },
        ],
      },
      [['transcript', ['system: S', 'user: Q', 'assistant: ', 'assistant: A'], [3]]],
    ],
    [
      'ShareGPT',
      {
        conversations: [
          { from: 'human', value: 'Q' },
          { from: 'gpt', value: 'A' },
          { from: 'human', value: 'R' },
          { from: 'gpt', value: 'B' },
        ],
      },
      [['transcript', ['user: Q', 'assistant: A', 'user: R', 'assistant: B'], [1, 3]]],
    ],
    [
      'UltraFeedback',
      {
        instruction: 'Q',
        completions: [
          { model: 'gpt-4', response: 'A', annotations: { helpfulness: { Rating: '5' } } },
          { model: 'llama', response: 'B' },
        ],
      },
      [
        ['gpt-4', ['user: Q', 'assistant: A'], [1]],
        ['llama', ['user: Q', 'assistant: B'], [1]],
      ],
    ],
    [
      'numbered responses',
      { prompt: 'Q', response_0: 'A', response_1: 'B', safer_response_id: 0 },
      [
        ['response_0', ['user: Q', 'assistant: A'], [1]],
        ['response_1', ['user: Q', 'assistant: B'], [1]],
      ],
    ],
  ])('%s', async (_name, record, expected) => {
    expect(await shape(record)).toEqual(expected);
  });

  it('follows a mapping of dotted paths, and says what it does not find', async () => {
    const record = { a: { q: 'Q' }, 'b.c': ['x', { t: 'good' }], d: 'bad', prompt: 'not this' };
    const mapping = { prompt: 'a.q', chosen: 'b.c.1.t', rejected: 'd' };
    expect(await shape(record, mapping)).toEqual([
      ['chosen', ['user: Q', 'assistant: good'], [1]],
      ['rejected', ['user: Q', 'assistant: bad'], [1]],
    ]);
    const { problems } = await ofText('{"d":1}', 'x.jsonl', { mapping });
    expect(problems[0]!.code).toBe('missing-field');
    expect(problems[0]!.message).toContain("prompt from 'a.q'");
  });
});
