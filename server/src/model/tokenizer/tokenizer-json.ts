import type { Tokenizer } from '@huggingface/tokenizers';
import { messageOf } from '../../errors.js';

type Json = Record<string, unknown>;

/** `tokenizer.json` as far as it is read here; everything else goes to the library as it is. */
export interface TokenizerJson extends Json {
  readonly added_tokens: readonly AddedToken[];
  readonly model: Json;
  readonly normalizer: Json | null;
  readonly pre_tokenizer: Json | null;
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
}

/** What the library's constructor takes, as its types do not say it. */
export type TokenizerInput = ConstructorParameters<typeof Tokenizer>[0];

/** GPT-2's splitting rule, which `ByteLevel` applies when `use_regex` is set. */
const GPT2_SPLIT =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * Checks the shape of a `tokenizer.json` and writes its pre-tokenizers out as the Rust library runs them.
 * @throws Error naming the file and what was expected
 */
export function parseTokenizerJson(json: unknown, where: string): TokenizerJson {
  const fail = (what: string): Error => new Error(`${where}: no readable tokenizer: ${what}`);
  if (!isObject(json)) throw fail('expected a JSON object');
  if (!isObject(json['model'])) throw fail('expected an object "model"');
  const added = json['added_tokens'] ?? [];
  if (
    !Array.isArray(added) ||
    !added.every(
      (t) => isObject(t) && typeof t['content'] === 'string' && Number.isInteger(t['id']),
    )
  ) {
    throw fail('"added_tokens" must be a list of {id, content}');
  }
  const type = json['model']['type'];
  if (
    type === 'BPE' &&
    !(isObject(json['model']['vocab']) && Array.isArray(json['model']['merges']))
  ) {
    throw fail('a BPE model needs "vocab" and "merges"');
  }
  const part = (name: string): Json | null => {
    const value = json[name] ?? null;
    if (value !== null && !isObject(value)) throw fail(`"${name}" must be an object or null`);
    return value;
  };
  let steps: Json[];
  try {
    steps = flatten(part('pre_tokenizer'));
  } catch (error) {
    throw fail(messageOf(error));
  }
  return {
    ...json,
    model: json['model'],
    added_tokens: added as AddedToken[],
    normalizer: part('normalizer'),
    post_processor: part('post_processor'),
    decoder: part('decoder'),
    pre_tokenizer: steps.length === 0 ? null : { type: 'Sequence', pretokenizers: steps },
  };
}

/**
 * The pre-tokenizers in order, sequences dissolved. Two of the library's are replaced by the same rule as a
 * `Split`, because JavaScript's `\d` and `\s` differ from the Rust library's: `Digits` splits every Unicode
 * number, and `\s` there has U+0085 but not U+FEFF.
 */
export function flatten(config: Json | null): Json[] {
  if (config === null) return [];
  switch (config['type']) {
    case 'Sequence': {
      const steps = config['pretokenizers'] ?? [];
      if (!Array.isArray(steps) || !steps.every(isObject)) {
        throw new Error('"pretokenizers" of a Sequence must be a list of objects');
      }
      return steps.flatMap(flatten);
    }
    case 'Digits':
      return [split(config['individual_digits'] === true ? '\\p{N}' : '\\p{N}+')];
    case 'ByteLevel':
      // The prefix space comes before the split, which a Split cannot do.
      if (config['use_regex'] === false || config['add_prefix_space'] === true) return [config];
      return [split(GPT2_SPLIT), { ...config, use_regex: false }];
    default:
      return [config];
  }
}

function split(regex: string): Json {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
