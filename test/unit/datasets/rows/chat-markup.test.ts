import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { markupTurns } from '../../../../server/src/datasets/markdown/chat-markup.js';
import { bot, said, system, user } from './helpers.js';

interface Chat {
  readonly name: string;
  readonly variables: { readonly messages: readonly { role: string; content: string }[] };
  /** As jinja2 renders it for transformers; absent where the template refuses the messages. */
  readonly out?: string;
}
const { chats } = JSON.parse(
  readFileSync(new URL('../../../fixtures/jinja/reference.json', import.meta.url), 'utf8'),
) as { chats: readonly Chat[] };

const llama3 = (role: string, text: string) =>
  `<|start_header_id|>${role}<|end_header_id|>\n\n${text}<|eot_id|>`;
const chatml = (role: string, text: string) => `<|im_start|>${role}\n${text}<|im_end|>\n`;
const opened = '<|im_start|>assistant\n';

/** Without white space at its ends, of Python's kinds too. */
const bare = (text: string) => text.replace(/^[\s\x1c\x85]+|[\s\x1c\x85]+$/g, '');

describe('the markup of published chat templates', () => {
  it('is read back as the messages that jinja2 rendered', () => {
    let seen = 0;
    for (const { name, variables, out } of chats) {
      // A mark inside a text is what tells the end of a turn; Mistral's has no first turn of the assistant's.
      const { messages } = variables;
      const marked = messages.some(({ content }) => content.includes('<|im_end|>'));
      const mistral = name.startsWith('mistral');
      if (out === undefined || marked || (mistral && messages[0]!.role === 'assistant')) continue;
      const turns = markupTurns(out)!.map(({ role, from, to }) => ({
        role,
        content: bare(out.slice(from, to)),
      }));
      const given = messages.map(({ role, content }) => ({
        role,
        content: bare(content),
      }));
      // Some templates add a system turn of their own.
      expect(turns.slice(-given.length), `${name}: ${out}`).toEqual(given);
      expect(turns.length - given.length, out).toBeLessThanOrEqual(1);
      seen++;
    }
    expect(seen).toBeGreaterThan(16);
  });

  it('keeps ChatML contents as they are, white space too', () => {
    const text = chatml('user', ' a ') + chatml('assistant', 'x\n');
    expect(markupTurns(text)!.map(({ from, to }) => text.slice(from, to))).toEqual([' a ', 'x\n']);
  });

  it.each([
    '<b>bold</b>',
    '<|im_start|>user\nHi<|im_end|> and more',
    '[INST] no end',
    '[1, 2]',
    '<',
  ])('is not seen in %j', (text) => expect(markupTurns(text)).toBeUndefined());

  it('takes a long text of turns without ends in one reading', () => {
    const text = '<|im_start|>user\na\n'.repeat(20_000);
    expect(markupTurns(text)).toHaveLength(20_000);
  });
});

describe('rows in the markup of a chat template', () => {
  const want = ['chosen: system S | user Hi | *assistant Hello!', 'rejected: system S | user Hi | *assistant Go.']; // prettier-ignore

  it.each([
    ['ChatML', chatml('system', 'S') + chatml('user', 'Hi') + opened, 'Hello!<|im_end|>', 'Go.<|im_end|>\n'], // prettier-ignore
    ['ChatML, open answers', chatml('system', 'S') + chatml('user', 'Hi') + opened, 'Hello!', 'Go.'], // prettier-ignore
    [
      'Llama 3',
      `<|begin_of_text|>${llama3('system', 'S')}${llama3('user', 'Hi')}<|start_header_id|>assistant<|end_header_id|>\n\n`,
      'Hello!<|eot_id|>',
      'Go.<|eot_id|>',
    ],
    ['Llama 2', '<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]', ' Hello! </s>', ' Go. </s>'],
    ['Zephyr', '<|system|>\nS</s>\n<|user|>\nHi</s>\n<|assistant|>\n', 'Hello!</s>', 'Go.</s>'],
    ['Tulu', '<|system|>\nS\n<|user|>\nHi\n<|assistant|>\n', 'Hello!', 'Go.'],
  ])('%s: a prompt, and answers after it', async (_, prompt, chosen, rejected) => {
    const { read, problems } = await said({ prompt, chosen, rejected });
    expect(read.map((line) => line.replace(/assistant\s+/, 'assistant ').trimEnd())).toEqual(want);
    expect(problems).toEqual([]);
  });

  it('whole conversations as chosen and rejected, with the prompt beside them or not', async () => {
    const head = chatml('system', 'S') + chatml('user', 'Hi');
    const pair = { chosen: head + chatml('assistant', 'Hello!'), rejected: head + chatml('assistant', 'Go.') }; // prettier-ignore
    for (const record of [pair, { prompt: 'Hi', ...pair }, { prompt: head + opened, ...pair }]) {
      const { read, problems } = await said(record);
      expect(read).toEqual(want);
      expect(problems).toEqual([]);
    }
  });

  it('answers alone after a plain prompt', async () => {
    const { read } = await said({
      system: 'S',
      prompt: 'Hi',
      chosen: chatml('assistant', 'Hello!'),
      rejected: chatml('assistant', 'Go.'),
    });
    expect(read).toEqual(want);
  });

  it('a text that is a whole conversation is a transcript', async () => {
    const { read } = await said({ text: chatml('user', 'Hi') + chatml('assistant', 'Hello!') });
    expect(read).toEqual(['transcript: user Hi | *assistant Hello!']);
  });

  it('one half alone is a problem that says which', async () => {
    const { read, problems } = await said({
      chosen: chatml('user', 'Hi') + chatml('assistant', 'Hello!'),
      rejected: 'Go.',
    });
    expect(read).toEqual([]);
    expect(problems.join()).toContain('chosen is a conversation in the markup of a chat template and rejected is not'); // prettier-ignore
  });

  it.each([
    [{ prompt: 'Hi', chosen: 'Hello!<|im_end|>', rejected: 'Go.' }, '<|im_end|>'],
    [{ prompt: 'Hi', chosen: 'Hello!', rejected: 'Go.</s>' }, '</s>'],
    [{ messages: [user('x [INST] y'), bot('Hello!')] }, '[INST]'],
    [{ prompt: 'Hi', chosen: 'Hello!<|eom_id|>', rejected: 'Go.' }, '<|eom_id|>'],
    [{ prompt: 'Hi', chosen: 'Hello!<|eot|>', rejected: 'Go.' }, '<|eot|>'],
    [{ messages: [user('x <|header_end|> y'), bot('Hello!')] }, '<|header_end|>'],
    [{ prompt: 'Hi<end_of_turn>\n<start_of_turn>model\n', response: 'Hello!' }, '<end_of_turn>'],
  ])('a mark that is left over is told, and the row is scored: %j', async (record, mark) => {
    const { read, problems } = await said(record);
    expect(read.length).toBeGreaterThan(0);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`chat-markup: `);
    expect(problems[0]).toContain(` holds ${mark}, `);
  });
});

describe('what stands beside the messages', () => {
  it('an answer beside a whole conversation is told', async () => {
    const messages = [system('S'), user('Hi'), bot('Hello!')];
    expect((await said({ messages, response: 'Hello!' })).problems).toEqual([]);
    const { read, problems } = await said({ messages, response: 'Another' });
    expect(read).toEqual(['transcript: system S | user Hi | *assistant Hello!']);
    expect(problems.join()).toContain("unread-part: the field 'response' beside the whole");
  });

  it('documents are told, thoughts are kept apart', async () => {
    const { problems } = await said({ messages: [user('Hi'), bot('Hello!')], documents: [{ title: 'a', text: 'b' }] }); // prettier-ignore
    expect(problems.join()).toContain("unread-part: the field 'documents' is not given");
    const thought = { role: 'assistant', content: 'Hello!', reasoning_content: 'They greet.' };
    const { turns } = await said({ messages: [user('Hi'), thought] });
    expect(turns.at(-1)).toMatchObject({ content: 'Hello!', unread: { kinds: ['thinking'] } });
  });
});
