import type { GgufMetadata } from './metadata.js';
import { own } from '../../../fields.js';

type Json = Record<string, unknown>;
export interface TokenizerFiles {
  readonly tokenizerJson: Json;
  readonly tokenizerConfig: Json;
}

/** Token types of llama.h. */
const CONTROL = 3;
const USER_DEFINED = 4;

const byteLevel = (useRegex: boolean, addPrefixSpace: boolean): Json => ({
  type: 'ByteLevel',
  add_prefix_space: addPrefixSpace,
  trim_offsets: true,
  use_regex: useRegex,
});

const LLAMA3_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const GPT2: Json = byteLevel(true, false);
const LLAMA3: Json = {
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: LLAMA3_SPLIT }, behavior: 'Isolated', invert: false },
    byteLevel(false, false),
  ],
};
/** As Llama 3's, but each digit stands alone. */
const QWEN2: Json = {
  type: 'Sequence',
  pretokenizers: [
    {
      type: 'Split',
      pattern: { Regex: LLAMA3_SPLIT.replace('\\p{N}{1,3}', '\\p{N}') },
      behavior: 'Isolated',
      invert: false,
    },
    byteLevel(false, false),
  ],
};
const SMOLLM: Json = {
  type: 'Sequence',
  pretokenizers: [{ type: 'Digits', individual_digits: true }, GPT2],
};
/** `tokenizer.ggml.pre`: how the text is cut before BPE (llama-vocab.cpp). */
const PRE_TOKENIZERS: Readonly<
  Record<string, { splits: Json; ignoreMerges: boolean; normalizer?: Json }>
> = {
  default: { splits: GPT2, ignoreMerges: false },
  'gpt-2': { splits: GPT2, ignoreMerges: false },
  smollm: { splits: SMOLLM, ignoreMerges: false },
  'llama-bpe': { splits: LLAMA3, ignoreMerges: true },
  llama3: { splits: LLAMA3, ignoreMerges: true },
  'llama-v3': { splits: LLAMA3, ignoreMerges: true },
  qwen2: { splits: QWEN2, ignoreMerges: false, normalizer: { type: 'NFC' } },
  'smaug-bpe': { splits: LLAMA3, ignoreMerges: true },
};

/**
 * The tokenizer in a GGUF's metadata as a `tokenizer.json` and a `tokenizer_config.json`.
 * @throws Error naming the file and what to do for kinds that cannot be rebuilt exactly
 */
export function ggufTokenizer(metadata: GgufMetadata): TokenizerFiles {
  const kind = metadata.string('tokenizer.ggml.model') ?? 'none';
  const pre = metadata.string('tokenizer.ggml.pre') ?? 'default';
  const rules = own(PRE_TOKENIZERS, pre);
  if (kind !== 'gpt2' || rules === undefined) {
    const found = kind === 'gpt2' ? `pre-tokenizer "${pre}"` : `tokenizer "${kind}"`;
    throw new Error(
      `${metadata.file}: ${found} cannot be rebuilt from the file (supported: gpt2 with ` +
        `${Object.keys(PRE_TOKENIZERS).join(', ')}); put the model's tokenizer.json and ` +
        `tokenizer_config.json beside it`,
    );
  }
  const tokens = metadata.list('tokenizer.ggml.tokens', 'string');
  const types = metadata.list('tokenizer.ggml.token_type', 'number');
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const merges = metadata.list('tokenizer.ggml.merges', 'string').map((merge, i) => {
    // A token may hold no space (it is written Ġ), so the first one parts the two.
    const [left, right, ...rest] = merge.split(' ');
    if (left === undefined || right === undefined || rest.length > 0 || !ids.has(left + right)) {
      throw new Error(
        `${metadata.file}: "tokenizer.ggml.merges"[${i}] is "${merge.slice(0, 80)}"; ` +
          `expected two tokens that make a third`,
      );
    }
    return [left, right];
  });
  const added = tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== CONTROL && type !== USER_DEFINED) return [];
    const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content, ...plain, special: type === CONTROL }];
  });
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: added,
      normalizer: rules.normalizer ?? null,
      pre_tokenizer: rules.splits,
      post_processor: null,
      decoder: byteLevel(true, true),
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: rules.ignoreMerges,
        vocab: Object.fromEntries(ids),
        merges,
      },
    },
    tokenizerConfig: ggufTokenizerConfig(metadata, tokens),
  };
}

/** `tokenizer_config.json` from the metadata: the chat template and the special tokens. */
export function ggufTokenizerConfig(
  metadata: GgufMetadata,
  tokens = metadata.list('tokenizer.ggml.tokens', 'string'),
): Json {
  const config: Json = { chat_template: metadata.string('tokenizer.chat_template') };
  const named = { bos: 'bos', eos: 'eos', pad: 'padding', unk: 'unknown' };
  for (const [name, key] of Object.entries(named)) {
    const id = metadata.number(`tokenizer.ggml.${key}_token_id`);
    if (id !== undefined) config[`${name}_token`] = tokens[id];
  }
  const architecture = metadata.string('general.architecture');
  config['model_max_length'] = metadata.number(`${architecture}.context_length`);
  config['tokenizer_class'] =
    metadata.string('tokenizer.ggml.model') === 'gpt2'
      ? 'GPT2Tokenizer'
      : 'PreTrainedTokenizerFast';
  config['clean_up_tokenization_spaces'] = false;
  return config;
}
