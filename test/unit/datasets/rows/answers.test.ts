import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ofText } from '../helpers.js';
import { bot, refused, said, user } from './helpers.js';

describe('a response that is null or NaN', () => {
  it.each(['response', 'completion', 'messages', 'responses'])('%s is named', async (name) => {
    for (const nothing of ['null', 'NaN']) {
      const read = await ofText(`{"prompt": "q", "${name}": ${nothing}}`);
      expect(read.rows).toEqual([]);
      expect(read.problems.map((p) => p.message)).toEqual([
        `${name} is null or NaN; expected a text, or a list of messages`,
      ]);
    }
  });
});

describe('an answer that begins like the prompt is an answer', () => {
  it.each([
    ['Hi', 'Hi! How can I help you today?', 'Go away.'],
    ['No', 'Nothing to worry about, then.', 'Fine.'],
    ['Hi', 'Hi there.', 'Hi you.'],
    ['Hi', 'Hi', 'Hi'],
    ['Hi ', 'Hi  there.', 'Hi ho.'],
    ['Sky is', 'Sky is blue', 'Sky is green'],
    ['é', 'é\u0301té', 'é bien'],
    ['😀', '😀😀', '😀 yes'],
    ['Name an answer:', 'Name an answer: 4', 'No.'],
    ['\n', '\nx', '\ny'],
  ])('%j, %j, %j', async (prompt, chosen, rejected) => {
    const { read } = await said({ prompt, chosen, rejected });
    expect(read).toEqual([
      `chosen: user ${prompt} | *assistant ${chosen}`,
      `rejected: user ${prompt} | *assistant ${rejected}`,
    ]);
  });

  it('of any prompt and any answer, in pairs, responses and sets', async () => {
    const word = fc.stringMatching(/^[A-Za-z?! .]{1,12}$/).filter((s) => s.trim() !== '');
    await fc.assert(
      fc.asyncProperty(word, word, word, fc.boolean(), async (prompt, a, b, begins) => {
        const [x, y] = begins ? [prompt + a, prompt + b] : [a, b];
        const expected = [`user ${prompt} | *assistant ${x}`, `user ${prompt} | *assistant ${y}`];
        const of = async (record: object) =>
          (await said(record)).read.map((s) => s.slice(s.indexOf(': ') + 2));
        expect(await of({ prompt, chosen: x, rejected: y })).toEqual(expected);
        expect(await of({ prompt, completions: [x, y] })).toEqual(expected);
        expect(await of({ prompt, response_0: x, response_1: y })).toEqual(expected);
        expect(await of({ prompt, response: x })).toEqual(expected.slice(0, 1));
      }),
    );
  });

  it('a transcript, or a prompt that opens the answer, is repeated by all or by none', async () => {
    const prompt = '\n\nHuman: Sky?\n\nAssistant:';
    const whole = { prompt, chosen: `${prompt} Blue.`, rejected: `${prompt} Green.` };
    expect((await said(whole)).read).toEqual([
      'chosen: user Sky? | *assistant Blue.',
      'rejected: user Sky? | *assistant Green.',
    ]);
    const one = { prompt, chosen: `${prompt} Blue.`, rejected: ' Green.' };
    expect((await said(one)).read).toEqual([
      `chosen: user Sky? | *assistant ${prompt} Blue.`,
      'rejected: user Sky? | *assistant  Green.',
    ]);
    expect((await said({ ...whole, rejected: prompt })).read).toEqual([
      'chosen: user Sky? | *assistant Blue.',
      'rejected: user Sky? | *assistant ',
    ]);
    for (const asked of [
      '### Instruction:\nSky?\n\n### Response:\n',
      '[INST] Sky? [/INST]',
      '<|user|>\nSky?\n<|assistant|>\n',
      'Q: Sky?\nAnswer: ',
    ]) {
      const record = { prompt: asked, chosen: `${asked}Blue.`, rejected: `${asked}Green.` };
      const { read } = await said(record);
      expect(read.map((r) => r.split(' | ')[1])).toEqual(['*assistant Blue.', '*assistant Green.']);
      // An answer that is empty takes nothing from the others.
      const empty = await said({ prompt: asked, completions: [`${asked}Blue.`, asked.trimEnd()] });
      expect(empty.read.map((r) => r.split(' | ')[1])).toEqual(['*assistant Blue.', '*assistant ']);
    }
  });

  it('without a prompt, what two texts share is the prompt; one transcript of two is not', async () => {
    const hh = '\n\nHuman: Sky?\n\nAssistant: Blue.';
    await refused({ chosen: hh, rejected: 'Green.' }, 'rejected', 'no prompt');
    await refused({ chosen: 'Green.', rejected: hh }, 'chosen', 'no prompt');
    const none = await said({ chosen: 'Blue.', rejected: 'Green.' });
    expect(none.read).toEqual(['chosen: *assistant Blue.', 'rejected: *assistant Green.']);
    expect(none.problems[0]).toMatch(/^blank-prompt: no prompt/);
  });
});

describe('answers of other types', () => {
  it.each(['42', '1e3', '0.10', '-0', '12345678901234567890', 'true', 'false'])(
    '%s is a text, as written and at its place',
    async (written) => {
      const line = `{"prompt": "Q", "chosen": ${written}, "rejected": "x"}`;
      const { read, row } = await said(line);
      expect(read[0]).toBe(`chosen: user Q | *assistant ${written}`);
      expect(row!.conversations[0]!.turns[1]!.place).toMatchObject({
        start: line.indexOf(written),
        end: line.indexOf(written) + written.length,
      });
    },
  );

  it('numbers as prompts, contents and completions', async () => {
    expect((await said({ prompt: 2024, completions: [1, 2.5] })).read).toEqual([
      '0: user 2024 | *assistant 1',
      '1: user 2024 | *assistant 2.5',
    ]);
    expect((await said({ messages: [user(1), bot(2)] })).read).toEqual([
      'transcript: user 1 | *assistant 2',
    ]);
  });

  it('NaN and infinities lose no row that does not need them', async () => {
    for (const odd of ['NaN', 'Infinity', '-Infinity']) {
      const line = `{"score": ${odd}, "prompt": "Q", "chosen": "a", "rejected": "b", "m": [${odd}]}`;
      const { read, problems } = await said(line);
      expect(read).toHaveLength(2);
      expect(problems).toEqual([]);
    }
    await refused('{"prompt": "Q", "chosen": NaN, "rejected": "b"}', 'chosen is null or NaN');
    for (const bad of ['NaNa', 'Inf', '-Inf', 'nan', '+1'])
      await refused(`{"prompt": "Q", "chosen": "a", "rejected": "b", "m": ${bad}}`, 'malformed');
  });

  it('an object is no answer that is torn: one with more than its text is refused', async () => {
    await refused({ prompt: 'Q', chosen: { answer: '42', why: 'six' }, rejected: 'b' }, 'chosen');
    await refused({ prompt: 'Q', chosen: { a: 1 }, rejected: 'b' }, 'chosen', "'a'");
    const { read } = await said({
      prompt: 'Q',
      chosen: { model: 'm', response: 'a' },
      rejected: { text: 'b', score: 3 },
    });
    expect(read).toEqual(['chosen: user Q | *assistant a', 'rejected: user Q | *assistant b']);
  });
});

describe('lists of answers', () => {
  it('are completions, each at its place; one of each is a pair', async () => {
    const { read, problems } = await said({
      prompt: 'Name a sea.',
      chosen: ['The Baltic.'],
      rejected: ['Paris.', 'A dog.'],
    });
    expect(problems).toEqual([]);
    expect(read).toEqual([
      'chosen: user Name a sea. | *assistant The Baltic.',
      'rejected 1: user Name a sea. | *assistant Paris.',
      'rejected 2: user Name a sea. | *assistant A dog.',
    ]);
    const { row } = await said({ prompt: 'Q', chosen: ['a'], rejected: ['b'] });
    expect(row!.conversations.map((c) => c.kind)).toEqual(['chosen', 'rejected']);
  });

  it('steps of one answer are one answer', async () => {
    const steps = { prompt: 'Q', completions: ['First.', 'Then.'], labels: [true, false] };
    const { read, problems } = await said(steps);
    expect(problems).toEqual([]);
    expect(read).toEqual(['undesirable: user Q | *assistant First.\nThen.']);
  });

  it('a null among completions is said, an empty list too', async () => {
    await refused({ prompt: 'Q', completions: ['a', null] }, 'completions 2');
    await refused({ prompt: 'Q', completions: [] }, 'completions', 'empty');
  });
});

describe('labels of KTO', () => {
  it.each<[unknown, string]>([
    [true, 'desirable'],
    [1, 'desirable'],
    ['True', 'desirable'],
    ['1', 'desirable'],
    [false, 'undesirable'],
    [0, 'undesirable'],
    ['False', 'undesirable'],
    [2, 'response'],
    ['good', 'response'],
    [null, 'response'],
  ])('%j says %s', async (label, expected) => {
    const { read, row } = await said({ prompt: 'Q', completion: 'A', label });
    expect(read).toEqual([`${expected}: user Q | *assistant A`]);
    const gold = expected === 'response' ? undefined : { desirable: expected === 'desirable' };
    expect(row?.conversations[0]?.gold).toEqual(gold);
  });

  it('a number beside another field than completion is not known to be one', async () => {
    expect((await said({ prompt: 'Q', response: 'A', label: 0 })).read).toEqual([
      'response: user Q | *assistant A',
    ]);
  });
});
