import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ChatTemplate,
  specialTokens,
  templateOf,
} from '../../../../server/src/model/tokenizer/chat-template.js';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { TemplateReader } from '../../../../server/src/model/tokenizer/template-reader.js';
import { goldenFolder, goldenNames, readGolden } from '../golden.js';

const embedded = join(import.meta.dirname, '../../../../models/default');
const folders = [...goldenNames.map(goldenFolder), embedded];

function open(folder: string): { template: ChatTemplate; reader: TemplateReader } {
  const config = JSON.parse(readFileSync(join(folder, 'tokenizer_config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const template = new ChatTemplate(templateOf(config, folder), config, folder);
  return { template, reader: new TemplateReader(template, specialTokens(config)) };
}

const turn = (content: string, i: number) => ({
  role: i % 2 === 0 ? 'user' : 'assistant',
  content,
});
/** As templates leave them: most trim. */
const content = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map((s) => {
  const trimmed = s.replace(/[<|>[\]]/g, '').trim();
  return trimmed === '' ? 'x' : trimmed;
});
const dialogue = fc
  .array(fc.tuple(content, content), { minLength: 1, maxLength: 3 })
  .map((pairs) => pairs.flat().map(turn));

describe.each(folders)('texts made by the template of %s', (folder) => {
  const { template, reader } = open(folder);

  it('are read back as the messages that they were made of', () => {
    fc.assert(
      fc.property(dialogue, (messages) => {
        expect(reader.read(template.render(messages))).toEqual(messages);
      }),
    );
  });

  it('may lack the end of the last turn, and have more specials at both ends', () => {
    const messages = ['Hi there.', 'Hello!', 'How so?', 'Well:\n\n- because'].map(turn);
    const text = template.render(messages);
    const end = text.slice(text.lastIndexOf('because') + 'because'.length);
    for (const cut of [text.slice(0, -end.length), text.trimEnd(), `${text}${end.trim()}`])
      expect(reader.read(cut)).toEqual(messages);
  });

  it('are none when they end with the user or are something else', () => {
    const asked = template.render(['Hi there.', 'Hello!', 'How so?'].map(turn));
    expect(reader.read(asked)?.at(-1)?.role).not.toBe('user');
    expect(reader.read('Just some words.')).toBeUndefined();
    expect(reader.read('')).toBeUndefined();
  });
});

describe.each(goldenNames)('a text in the own template of %s', (name) => {
  it('has the tokens and positions of its messages, and so have its ids', async () => {
    const folder = goldenFolder(name);
    const tokenizer = await ChatTokenizer.fromFolder(folder);
    const { template } = open(folder);
    const { cases } = readGolden(name);
    const positions = { gated: tokenizer.opening.length > 0 };
    for (const { messages, input_ids } of cases) {
      const [expected] = tokenizer.paths(messages, [messages.length - 1], 4096, positions);
      const text = template.render(messages);
      expect(tokenizer.pathOf(text, 4096, positions)).toEqual(expected);
      expect(tokenizer.pathOf(input_ids, 4096, positions)).toEqual(expected);
      // Without the BOS token, as verl sends it.
      const bos = /^(<bos>|<s>|<\|begin_of_text\|>)/.exec(text)?.[0] ?? '';
      expect(tokenizer.pathOf(text.slice(bos.length), 4096, positions)).toEqual(expected);
    }
  });

  it('is refused by ids that the vocabulary lacks', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(goldenFolder(name));
    expect(tokenizer.pathOf([1, 2, 10_000_000], 4096)).toHaveProperty('error');
    expect(tokenizer.pathOf([], 4096)).toHaveProperty('error');
  });
});
