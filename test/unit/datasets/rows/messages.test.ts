import { describe, expect, it } from 'vitest';
import { contentHash } from '../../../../server/src/store/index.js';
import { chatMessage } from '../../../../server/src/datasets/index.js';
import { TextView } from '../helpers.js';
import { bot, refused, said, user } from './helpers.js';

const weather = (city: string) => ({
  type: 'function',
  function: { name: 'get_weather', arguments: { city } },
});
const calls = (...list: object[]) => ({ role: 'assistant', content: null, tool_calls: list });

describe('tool calls', () => {
  it('are given to the template as they are; a turn of them is no answer of a transcript', async () => {
    const { read, row, problems } = await said({
      messages: [
        user('Weather?'),
        calls(weather('Rome')),
        { role: 'tool', name: 'get_weather', tool_call_id: 'c1', content: '{"c": 30}' },
        bot('30 degrees.'),
      ],
    });
    expect(problems).toEqual([]);
    expect(read).toEqual([
      'transcript: user Weather? | assistant  | tool {"c": 30} | *assistant 30 degrees.',
    ]);
    expect(row!.conversations[0]!.turns.map(chatMessage)).toEqual([
      user('Weather?'),
      { role: 'assistant', content: '', tool_calls: [weather('Rome')] },
      { role: 'tool', content: '{"c": 30}', name: 'get_weather', tool_call_id: 'c1' },
      bot('30 degrees.'),
    ]);
  });

  it('are the answers of a pair, at their places, and never the same text', async () => {
    const record = {
      chosen: [user('Weather?'), calls(weather('Rome'))],
      rejected: [user('Weather?'), calls(weather('Oslo'))],
    };
    const { row } = await said(record);
    const line = JSON.stringify(record);
    const view = new TextView(Buffer.from(line));
    const [a, b] = row!.conversations.map((c) => c.turns[1]!);
    expect(a!.pieces!.map((p) => view.slice(p))).toEqual(['function', 'get_weather', 'Rome']);
    expect(b!.pieces!.map((p) => view.slice(p))).toEqual(['function', 'get_weather', 'Oslo']);
    const [x, y] = row!.conversations.map((c) => contentHash(c.turns, 1));
    expect(x).not.toEqual(y);
    expect(contentHash(row!.conversations[0]!.turns.map(chatMessage), 1)).toEqual(x);
  });

  it.each<[string, object, unknown]>([
    [
      'a JSON string of arguments stays one',
      calls({ type: 'function', function: { name: 'f', arguments: '{"a":1}' } }),
      { name: 'f', arguments: '{"a":1}' },
    ],
    [
      'calls without a wrapper',
      calls({ name: 'f', arguments: { a: 1 } }),
      { name: 'f', arguments: { a: 1 } },
    ],
    [
      'calls as a JSON string',
      { role: 'assistant', content: '', tool_calls: '[{"name":"f","arguments":{"a":1}}]' },
      { name: 'f', arguments: { a: 1 } },
    ],
    [
      'the older function_call',
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { name: 'f', arguments: '{}' },
    ],
    [
      'ShareGPT',
      { from: 'function_call', value: '{"name":"f","arguments":{"a":1}}' },
      { name: 'f', arguments: { a: 1 } },
    ],
    [
      'Anthropic',
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }] },
      { name: 'f', arguments: { a: 1 } },
    ],
  ])('%s', async (_name, message, expected) => {
    const { turns } = await said({ chosen: [user('Q'), message], rejected: [user('Q'), bot('B')] });
    expect((turns[1]!.tool_calls![0] as { function: unknown }).function).toEqual(expected);
    expect(turns[1]).toMatchObject({ role: 'assistant', content: '' });
  });

  it("Anthropic's results in the user's message are the tool's turns", async () => {
    const { read } = await said({
      messages: [
        user('Q'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
        user([
          { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: '30' }] },
          { type: 'text', text: 'So?' },
        ]),
        bot('A'),
      ],
    });
    expect(read).toEqual(['transcript: user Q | assistant  | tool 30 | user So? | *assistant A']);
  });

  it('in an unknown shape are said', async () => {
    await refused({ messages: [user('Q'), { ...bot('A'), tool_calls: { a: 1 } }] }, 'tool_calls');
    await refused(
      { messages: [user('Q'), { from: 'function_call', value: 'f(1)' }] },
      'function_call',
    );
    await refused({ messages: [user('Q'), calls(weather('Rome'))] }, 'no assistant turn');
  });
});

describe('contents', () => {
  it('a refusal is the answer; thoughts are not', async () => {
    const texts = async (message: object) =>
      (await said({ messages: [user('Q'), message] })).turns[1]!.content;
    expect(await texts({ role: 'assistant', content: null, refusal: 'No.' })).toBe('No.');
    expect(await texts(bot([{ type: 'refusal', refusal: 'No.' }]))).toBe('No.');
    expect(await texts({ ...bot('No.'), refusal: 'No.' })).toBe('No.');
    await refused(
      { messages: [user('Q'), { ...bot('Yes.'), refusal: 'No.' }] },
      'a refusal that differ',
    );
    expect(await texts({ ...bot('4'), reasoning_content: 'two and two' })).toBe('4');
    const think = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: '4' },
    ];
    expect(await texts(bot(think))).toBe('4');
    expect(
      await texts(
        bot([
          { type: 'reasoning', text: 'hm' },
          { type: 'text', text: '4' },
        ]),
      ),
    ).toBe('4');
    const { problems, read } = await said({ messages: [user('Q'), bot(think.slice(0, 1))] });
    expect(read).toEqual(['transcript: user Q | *assistant ']);
    expect(problems[0]).toMatch(/^unread-part: .*thoughts/);
  });

  it('parts of text are joined as chat templates join them', async () => {
    const parts = [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ];
    const { turns } = await said({ messages: [user('Q'), bot(parts)] });
    expect(turns[1]).toMatchObject({ content: 'Hello' });
    expect(turns[1]!.pieces).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['image_url', { type: 'image_url', image_url: { url: 'data:,A' } }],
    ['image', { type: 'image', text: null }],
    ['input_audio', { type: 'input_audio', input_audio: { data: 'A' } }],
    ['file', { type: 'file', file: { file_id: 'f' } }],
    ['document', { type: 'document', text: 'x' }],
    ['blob', { blob: 'x' }],
    ['constructor', { type: 'constructor', a: 1 }],
  ])('a part of the kind %s is said', async (kind, part) => {
    const { read, problems } = await said({
      messages: [user([part, { type: 'text', text: 'What?' }]), bot('A cat.')],
    });
    expect(read).toEqual(['transcript: user What? | *assistant A cat.']);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`'${kind}'`);
  });

  it('another image is another conversation', async () => {
    const of = async (url: string) => {
      const content = [
        { type: 'image_url', image_url: { url } },
        { type: 'text', text: 'What?' },
      ];
      const { row } = await said({ messages: [user(content), bot('A cat.')] });
      return contentHash(row!.conversations[0]!.turns, 1).toString('hex');
    };
    expect(await of('a')).toBe(await of('a'));
    expect(await of('a')).not.toBe(await of('b'));
    const beside = async (images: unknown) => {
      const read = await said({ images, messages: [user('What?'), bot('A cat.')] });
      expect(read.problems).toHaveLength(1);
      return contentHash(read.row!.conversations[0]!.turns, 1).toString('hex');
    };
    expect(await beside(['a.png'])).not.toBe(await beside(['b.png']));
  });

  it('a message without content, or with two, is said', async () => {
    await refused(
      { messages: [{ role: 'user', body: 'Q' }, bot('A')] },
      'message 1 of messages',
      "'body'",
    );
    await refused({ messages: [{ ...user('Q'), text: 'R' }, bot('A')] }, 'two texts');
  });
});

describe('roles', () => {
  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty', 'narrator', ''])(
    'the unknown role %j is said with its place',
    async (role) => {
      const { read, problems, row } = await said({
        messages: [{ role, content: 'hi' }, bot('yo')],
      });
      expect(read).toEqual([`transcript: ${role.toLowerCase()} hi | *assistant yo`]);
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^unknown-role: message 1 of messages/);
      expect(row).toBeDefined();
    },
  );

  it.each(['constructor', '__proto__', 'toString'])('%s as a field or a column', async (name) => {
    const line = `{"${name}": "x", "prompt": "Q", "chosen": "A", "rejected": "B"}`;
    expect((await said(line)).read).toHaveLength(2);
    const mapping = { prompt: name, chosen: `${name}.${name}`, rejected: 'rejected' };
    const { problems } = await said('{"prompt": "Q"}', { mapping });
    expect(problems[0]).toContain(name);
  });

  it('known words in any case and with spaces', async () => {
    const { read } = await said({
      conversations: [
        { from: ' Human ', value: 'Q' },
        { from: 'GPT', value: 'A' },
        { from: 'observation', value: 'o' },
      ],
    });
    expect(read).toEqual(['transcript: user Q | *assistant A | tool o']);
  });
});
