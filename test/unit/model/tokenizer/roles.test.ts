import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { LLAMA, GEMMA, SMOL, NO_LIMIT, user, assistant, path, decoder, read } from './chats.js';

const system = (content: string) => ({ role: 'system', content });

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
