import { Tokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ChatTokenizer } from '../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { SegmentEncoder } from '../../../../server/src/model/tokenizer/segment-encoder.js';

const ROOT = resolve(import.meta.dirname, '../../../..');
/** SmolLM2's tokenizer is that of the embedded bundle. */
const folderOf = (name: string): string =>
  name === 'smollm2' ? join(ROOT, 'models/default') : join(ROOT, 'test/fixtures', name);

interface Reference {
  texts: { text: string; ids: number[] }[];
  chats: { messages: { role: string; content: string }[]; ids: number[] }[];
}
/** Made by Hugging Face's Rust tokenizers and transformers: see make_reference.py beside it. */
const REFERENCE = JSON.parse(
  readFileSync(join(ROOT, 'test/fixtures/tokenizer/reference.json'), 'utf8'),
) as Record<string, Reference>;

const json = (folder: string, name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folderOf(folder), name), 'utf8')) as Record<string, unknown>;
const open = (folder: string): { encoder: SegmentEncoder; library: Tokenizer; added: string[] } => {
  const tokenizer = json(folder, 'tokenizer.json');
  const config = json(folder, 'tokenizer_config.json');
  return {
    encoder: new SegmentEncoder(tokenizer, config, folder),
    library: new Tokenizer(tokenizer, config),
    added: (tokenizer['added_tokens'] as { content: string }[]).map((t) => t.content),
  };
};

describe.each(Object.entries(REFERENCE))('%s against the Rust library', (folder, reference) => {
  it('gives the same ids for every text, cold and from the caches', () => {
    const { encoder } = open(folder);
    for (let pass = 0; pass < 2; pass++) {
      for (const { text, ids } of reference.texts) {
        expect([text, encoder.encode(text).ids]).toEqual([text, ids]);
      }
    }
  });

  it('gives the same ids for templated conversations', async () => {
    const tokenizer = await ChatTokenizer.fromFolder(folderOf(folder));
    for (const { messages, ids } of reference.chats) {
      const [path] = tokenizer.paths(messages, [messages.length - 1], 100_000);
      expect(path).toMatchObject({ ids, reward: ids.length - 1, truncatedTokens: 0 });
    }
  });
});

describe('sections between added tokens', () => {
  // These two have every byte in their vocabulary; without one the JavaScript library merges otherwise.
  const folders = ['golden/llama3-qrm-k5-m3', 'golden/gemma2-qrm'];
  const pieces = (added: string[]): fc.Arbitrary<string> =>
    fc
      .array(
        fc.oneof(
          fc.constantFrom(...added, ...added.map((t) => t.slice(0, -1)), '\n', '\n\n', ' ', '  '),
          fc.constantFrom(
            'the',
            ' the',
            'assistant',
            'user',
            'an',
            ' a',
            'ass',
            '12345',
            "'s",
            '.',
          ),
          fc.string({ unit: 'binary', maxLength: 8 }),
        ),
        { maxLength: 14 },
      )
      .map((parts) => parts.join(''));

  it.each(folders)('%s: encoding by sections equals encoding the whole', (folder) => {
    const { encoder, library, added } = open(folder);
    fc.assert(
      fc.property(pieces(added), (text) => {
        expect(encoder.encode(text).ids).toEqual(
          library.encode(text, { add_special_tokens: false }).ids,
        );
      }),
      { numRuns: 400 },
    );
  });

  it.each(folders)('%s: a text cut at a border has the ids before it', (folder) => {
    const { encoder, added } = open(folder);
    fc.assert(
      fc.property(pieces(added), (text) => {
        const { ids, borders } = encoder.encode(text);
        for (const [offset, count] of borders) {
          expect(encoder.encode(text.slice(0, offset)).ids).toEqual(ids.slice(0, count));
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('kinds of tokenizer', () => {
  const vocab = { '<unk>': 0, '▁a': 1, a: 2, '▁': 3, b: 4, ab: 5, '▁ab': 6 };
  const sentencepiece = {
    added_tokens: [{ id: 7, content: '<x>', special: true, normalized: false }],
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: null,
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      byte_fallback: false,
      vocab,
      merges: [
        ['a', 'b'],
        ['▁', 'ab'],
        ['▁', 'a'],
      ],
    },
  };

  it('reads BPE that is not byte-level through the library', () => {
    const encoder = new SegmentEncoder(sentencepiece, {}, 'tokenizer.json');
    expect(encoder.encode(' ab<x> a').ids).toEqual([6, 7, 1]);
  });

  it('does not cut at tokens that take spaces with them', () => {
    const strip = structuredClone(sentencepiece);
    Object.assign(strip.added_tokens[0]!, { lstrip: true });
    const encoder = new SegmentEncoder(strip, {}, 'tokenizer.json');
    expect(encoder.encode(' ab <x>').ids).toEqual([6, 7]);
    expect([...encoder.encode(' ab <x>').borders]).toEqual([[7, 2]]);
  });

  it.each([
    ['a list', [], 'expected a JSON object'],
    ['no model', {}, 'expected an object "model"'],
    [
      'a merge that is no pair',
      { model: { type: 'BPE', vocab: {}, merges: ['t h', null] } },
      '"merges" must be a list of pairs',
    ],
    ['no merges', { model: { type: 'BPE', vocab: {} } }, 'a BPE model needs "vocab" and "merges"'],
    ['bad tokens', { model: {}, added_tokens: [{ id: 'x' }] }, '"added_tokens" must be a list'],
    ['unknown kind', { model: { type: 'Odd' } }, 'cannot be used'],
  ])('names the file when it has %s', (_, damaged, message) => {
    const make = (): unknown => new SegmentEncoder(damaged, {}, '/models/x/tokenizer.json');
    expect(make).toThrow('/models/x/tokenizer.json');
    expect(make).toThrow(message);
  });
});

describe('a tokenizer.json with a part of another form', () => {
  const good = json('golden/llama3-qrm-k5-m3', 'tokenizer.json');
  const config = json('golden/llama3-qrm-k5-m3', 'tokenizer_config.json');
  const step = (name: string, value: unknown) => ({
    ...good,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: ' ' }, behavior: 'Isolated', [name]: value },
        { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
      ],
    },
  });
  it.each([
    ['behavior', step('behavior', []), 'a text'],
    ['behavior', step('behavior', 1.5), 'a text'],
    ['pattern', step('pattern', 'x'), 'a pattern'],
    ['invert', step('invert', 'no'), 'true or false'],
    ['pretokenizers', { ...good, pre_tokenizer: { type: 'Sequence', pretokenizers: 7 } }, 'a list'],
    ['normalizers', { ...good, normalizer: { type: 'Sequence', normalizers: [null] } }, 'a list'],
    ['lowercase', { ...good, normalizer: { type: 'BertNormalizer', lowercase: {} } }, 'true or'],
    ['prepend', { ...good, normalizer: { type: 'Prepend', prepend: [1] } }, 'a text'],
    ['decoders', { ...good, decoder: { type: 'Sequence', decoders: 'x' } }, 'a list'],
  ])('names the file and %s', (field, damaged, form) => {
    const make = () => new SegmentEncoder(damaged, config, '/m/tokenizer.json');
    expect(make).toThrow('/m/tokenizer.json: ');
    expect(make).toThrow(`"${field}" of "`);
    expect(make).toThrow(`must be ${form}`);
  });
});
