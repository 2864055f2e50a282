import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { LLAMA, GEMMA, SMOL, NO_LIMIT, user, assistant, path, decoder } from './chats.js';

describe('paths', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(
      '',
      ' ',
      '\n',
      'the user',
      '<|eot_id|>',
      '<end_of_turn>\n',
      '<|im_end|>\n',
      '\ufeff',
    ),
  );
  const talk = fc
    .array(fc.tuple(text, text), { minLength: 1, maxLength: 5 })
    .map((turns) => turns.flatMap(([u, a]) => [user(u), assistant(a)]));

  it.each([LLAMA, GEMMA, SMOL])(
    '%s: all targets of a transcript at once equal each alone',
    async (f) => {
      const tokenizer = await ChatTokenizer.fromFolder(f);
      fc.assert(
        fc.property(talk, (messages) => {
          const targets = messages.flatMap((m, i) => (m.role === 'assistant' ? [i] : []));
          const together = tokenizer.paths(messages, targets, NO_LIMIT);
          const alone = targets.map(
            (t) => tokenizer.paths(messages.slice(0, t + 1), [t], NO_LIMIT)[0],
          );
          expect(together).toEqual(alone);
        }),
        { numRuns: 150 },
      );
    },
  );

  it.each([LLAMA, GEMMA, SMOL])(
    '%s: reward is the last token, gate opens the pattern',
    async (f) => {
      const tokenizer = await ChatTokenizer.fromFolder(f);
      fc.assert(
        fc.property(talk, (messages) => {
          const { ids, reward, gate } = path(
            tokenizer.paths(messages, [messages.length - 1], NO_LIMIT)[0],
          );
          expect(reward).toBe(ids.length - 1);
          const starts = ids.flatMap((_, i) =>
            tokenizer.gatingPattern.every((id, k) => ids[i + k] === id) ? [i] : [],
          );
          expect(gate).toBe(starts.at(-1));
        }),
        { numRuns: 150 },
      );
    },
  );

  it('keeps the order of the targets', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const messages = [user('a'), assistant('b'), user('c'), assistant('d'), user('e')];
    const [late, early] = tokenizer.paths(messages, [3, 1], NO_LIMIT).map(path);
    expect(late!.ids.slice(0, early!.ids.length)).toEqual(early!.ids);
    expect(early!.ids.length).toBeLessThan(late!.ids.length);
  });

  it('answers with an error for a turn that cannot be scored, and scores the others', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const messages = [assistant('first'), user('a'), assistant('b')];
    const [first, wrong, missing, good] = tokenizer.paths(messages, [0, 1, 9, 2], NO_LIMIT);
    expect(first).toEqual({ error: expect.stringContaining('a user turn must come before it') });
    expect(wrong).toEqual({ error: 'turn 2 has the role "user"; expected "assistant"' });
    expect(missing).toEqual({ error: 'there is no turn 10: the conversation has 3' });
    expect(path(good).reward).toBeGreaterThan(0);
  });

  it('takes the last occurrence of the pattern where a response holds it, as the published code does', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const text = 'no<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nyes';
    const { ids, gate } = path(tokenizer.paths([user('a'), assistant(text)], [1], NO_LIMIT)[0]);
    expect(decoder(LLAMA)(ids.slice(gate))).toBe(
      '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nyes<|eot_id|>',
    );
  });

  it.each([
    ['lone surrogates', '\ud800 a \udfff'],
    ['NUL', '\u0000'],
    ['a megabyte of one letter', 'a'.repeat(1_000_000)],
    ['a megabyte of words', 'the user '.repeat(111_111)],
    ['template syntax', "{{ raise_exception('x') }}{% endfor %}"],
  ])('takes %s as text', async (_, content) => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const [result] = tokenizer.paths([user(content), assistant('ok')], [1], NO_LIMIT);
    const { ids, gate } = path(result);
    expect(decoder(LLAMA)(ids.slice(gate))).toMatch(/\n\nok<\|eot_id\|>$/);
  });
});

describe('truncation', () => {
  const long = [
    user('first '.repeat(50)),
    assistant('x'),
    user('the last words'),
    assistant('my answer'),
  ];

  it('cuts the left of the prompt, keeps BOS and moves the positions', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const whole = path(tokenizer.paths(long, [3], NO_LIMIT)[0]);
    const cut = path(tokenizer.paths(long, [3], 100)[0]);
    expect(cut.ids).toHaveLength(100);
    expect(cut.truncatedTokens).toBe(whole.ids.length - 100);
    expect(cut.ids).toEqual([whole.ids[0], ...whole.ids.slice(-99)]);
    expect(cut.reward).toBe(99);
    expect(whole.ids.length - whole.gate).toBe(cut.ids.length - cut.gate);
    expect(path(tokenizer.paths(long, [3], whole.ids.length)[0])).toEqual(whole);
  });

  it('keeps no token that ChatML names BOS: it opens a turn', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(SMOL);
    const whole = path(tokenizer.paths(long, [3], NO_LIMIT)[0]);
    const cut = path(tokenizer.paths(long, [3], 30)[0]);
    expect(cut.ids).toEqual(whole.ids.slice(-30));
  });

  it('never cuts the opening or the response: that is an error', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const whole = path(tokenizer.paths(long, [3], NO_LIMIT)[0]);
    const kept = whole.ids.length - whole.gate;
    expect(path(tokenizer.paths(long, [3], kept + 1)[0]).gate).toBe(1);
    expect(tokenizer.paths(long, [3], kept)[0]).toEqual({
      error: `the response has ${kept} tokens, more than the model's context of ${kept}`,
    });
  });

  it('counts a response that holds the pattern from its own opening', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const inner = '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n';
    const plain = [user('a '.repeat(60)), assistant('b c d e')];
    const whole = path(tokenizer.paths(plain, [1], NO_LIMIT)[0]);
    const messages = [plain[0]!, assistant(`b c d e${inner}f`)];
    const held = path(tokenizer.paths(messages, [1], NO_LIMIT)[0]);
    const kept = held.ids.length - whole.gate;
    expect(path(tokenizer.paths(messages, [1], kept + 1)[0]).ids.slice(1)).toEqual(
      held.ids.slice(whole.gate),
    );
    expect(tokenizer.paths(messages, [1], kept)[0]).toHaveProperty('error');
  });

  it('tells megabytes of response from their length', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const [result] = tokenizer.paths(
      [user('a'), assistant('the user '.repeat(200_000))],
      [1],
      4096,
    );
    expect(result).toEqual({
      error: expect.stringMatching(
        /^the response has at least \d+ tokens, more than the model's context of 4096$/,
      ),
    });
  });
});
