import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  ChatTokenizer,
  type TokenPath,
} from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { goldenFolder } from '../golden.js';

type Json = Record<string, unknown>;
const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;
const LLAMA = goldenFolder('llama3-qrm-k5-m3');
const GEMMA = goldenFolder('gemma2-qrm');
/** SmolLM2's own tokenizer and chat template, as the embedded bundle has them. */
const SMOL = resolve(import.meta.dirname, '../../../../models/default');
const NO_LIMIT = 1_000_000;

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const system = (content: string) => ({ role: 'system', content });

function path(result: TokenPath | { error: string } | undefined): TokenPath {
  if (result === undefined || 'error' in result) throw new Error(result?.error ?? 'no result');
  return result;
}

/** The text of token ids, for byte-level tokenizers. */
function decoder(folder: string): (ids: readonly number[]) => string {
  const json = read(join(folder, 'tokenizer.json'));
  const tokens: string[] = [];
  for (const [t, id] of Object.entries(
    (json['model'] as { vocab: Record<string, number> }).vocab,
  )) {
    tokens[id] = t;
  }
  for (const t of json['added_tokens'] as { id: number; content: string }[])
    tokens[t.id] = t.content;
  const plain = (text: string): string => text.replaceAll('Ġ', ' ').replaceAll('Ċ', '\n');
  return (ids) => plain(ids.map((id) => tokens[id]).join(''));
}

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

describe('orders of roles', () => {
  it('puts a system text before the user text where the template has no system role', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(GEMMA);
    const folded = tokenizer.paths(
      [system('Be terse.'), user('Hi'), assistant('Yo')],
      [2],
      NO_LIMIT,
    );
    expect(folded).toEqual(
      tokenizer.paths([user('Be terse.\n\nHi'), assistant('Yo')], [1], NO_LIMIT),
    );
  });

  it('joins turns of one role where the template wants them to alternate', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(GEMMA);
    const messages = [system('s'), user('a'), user('b'), assistant('c'), assistant('d')];
    expect(tokenizer.paths(messages, [3, 4], NO_LIMIT)).toEqual([
      tokenizer.paths([user('s\n\na\n\nb'), assistant('c')], [1], NO_LIMIT)[0],
      tokenizer.paths([user('s\n\na\n\nb'), assistant('c\n\nd')], [1], NO_LIMIT)[0],
    ]);
  });

  it('leaves turns apart where the template takes them', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(LLAMA);
    const { ids } = path(tokenizer.paths([user('a'), user('b'), assistant('c')], [2], NO_LIMIT)[0]);
    expect(decoder(LLAMA)(ids)).toContain(
      'a<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nb',
    );
  });

  it("gives the template's own reason otherwise", async () => {
    const tokenizer = await ChatTokenizer.fromFolder(GEMMA);
    expect(tokenizer.paths([assistant('a'), user('b'), assistant('c')], [2], NO_LIMIT)).toEqual([
      {
        error: expect.stringMatching(
          /rejects this conversation \(assistant, user, assistant\): Conversation roles must alternate/,
        ),
      },
    ]);
  });
});

describe('the gating pattern of other templates', () => {
  const tokenizerJson = read(join(SMOL, 'tokenizer.json'));
  const withTemplate = (chat_template: unknown): ChatTokenizer =>
    ChatTokenizer.create(tokenizerJson, { chat_template, eos_token: '<|im_end|>' }, 'a model');
  const loop = (body: string): string => `{% for message in messages %}${body}{% endfor %}`;
  const templates = {
    chatml: loop(
      "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}",
    ),
    'llama 2': loop(
      "{% if message['role'] == 'assistant' %}{{ ' ' + message['content'] + ' ' + eos_token }}" +
        "{% else %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endif %}",
    ),
    vicuna: loop(
      "{% if message['role'] == 'assistant' %}{{ 'ASSISTANT: ' + message['content'] + eos_token + '\n' }}" +
        "{% else %}{{ 'USER: ' + message['content'] + '\n' }}{% endif %}",
    ),
    zephyr: loop(
      "{{ '<|' + message['role'] + '|>\n' + message['content'] | trim + eos_token + '\n' }}",
    ),
  };
  const opening = {
    chatml: '<|im_end|>\n<|im_start|>assistant',
    'llama 2': ' [/INST]',
    vicuna: '\nASSISTANT:',
    zephyr: '<|im_end|>\n<|assistant|>\n',
  };
  const contents = fc.string({
    unit: fc.constantFrom('a', 'B', ' ', '\n', '.', '[', '1', 'é', "'"),
  });

  it.each(Object.entries(templates))(
    '%s: lies between the contents whatever they are',
    (name, t) => {
      const tokenizer = withTemplate(t);
      const text = decoder(SMOL);
      expect(text(tokenizer.gatingPattern)).toBe(opening[name as keyof typeof opening]);
      fc.assert(
        fc.property(contents, contents, contents, (a, b, c) => {
          const messages = [user(a), assistant(b), user('end'), assistant(c)];
          const { ids, gate } = path(tokenizer.paths(messages, [3], NO_LIMIT)[0]);
          expect(text(ids.slice(0, gate))).toMatch(/end$/);
        }),
        { numRuns: 150 },
      );
    },
  );

  it('is refused where the template puts nothing between the contents', () => {
    expect(() => withTemplate(loop("{{ message['content'] }}")).gatingPattern).toThrow(
      /a model: no gating pattern/,
    );
  });

  it('is refused where the template takes no plain exchange', () => {
    expect(() => withTemplate("{{ raise_exception('never') }}").gatingPattern).toThrow(
      /a model: the chat template rejects this conversation \(user, assistant\): never/,
    );
  });

  it('takes the template named default', () => {
    const named = [
      { name: 'rag', template: 'x' },
      { name: 'default', template: templates.chatml },
    ];
    expect(withTemplate(named).gatingPattern).toEqual(withTemplate(templates.chatml).gatingPattern);
  });

  it('does not depend on the day', () => {
    const dated = withTemplate(`{{ strftime_now('%d %b %Y') + '\n' }}${templates.chatml}`);
    const { ids } = path(dated.paths([user('a'), assistant('b')], [1], NO_LIMIT)[0]);
    expect(decoder(SMOL)(ids)).toMatch(/^26 Jul 2024\n/);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-chat-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (files: Readonly<Record<string, string>>): void => {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  };

  it('names what is missing or damaged, and prefers chat_template.jinja', async () => {
    const open = (): Promise<ChatTokenizer> => ChatTokenizer.fromFolder(folder);
    await expect(open()).rejects.toThrow(`${folder}: no tokenizer.json`);
    write({ 'tokenizer.json': '{' });
    await expect(open()).rejects.toThrow(`${join(folder, 'tokenizer.json')}: expected JSON`);
    write({ 'tokenizer.json': readFileSync(join(LLAMA, 'tokenizer.json'), 'utf8') });
    await expect(open()).rejects.toThrow(`${folder}: no tokenizer_config.json`);
    write({ 'tokenizer_config.json': '{}' });
    await expect(open()).rejects.toThrow('no chat template');
    write({ 'tokenizer_config.json': '{"chat_template": "{% for %}"}' });
    await expect(open()).rejects.toThrow('the chat template cannot be read as Jinja');
    const { chat_template } = read(join(LLAMA, 'tokenizer_config.json'));
    write({ 'chat_template.jinja': chat_template as string });
    expect((await open()).gatingPattern).toEqual(
      (await ChatTokenizer.fromFolder(LLAMA)).gatingPattern,
    );
  });

  it('gives the files that make the same tokenizer again', async () => {
    const messages = [user('a'), assistant('b')];
    const first = await ChatTokenizer.fromFolder(LLAMA);
    write({ 'chat_template.jinja': '' });
    rmSync(join(folder, 'chat_template.jinja'));
    write(first.files());
    const again = await ChatTokenizer.fromFolder(folder);
    expect(again.paths(messages, [1], 99)).toEqual(first.paths(messages, [1], 99));
    write(
      ChatTokenizer.create(
        read(join(LLAMA, 'tokenizer.json')),
        read(join(LLAMA, 'tokenizer_config.json')),
        'x',
      ).files(),
    );
    const third = await ChatTokenizer.fromFolder(folder);
    expect(third.paths(messages, [1], 99)).toEqual(first.paths(messages, [1], 99));
  });
});
