import type { Tokenizer } from '@huggingface/tokenizers';
import { messageOf } from '../../errors.js';
import { isFields } from '../../fields.js';

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

type Form = 'a text' | 'true or false' | 'a number' | 'a list' | 'a list of objects' | 'a pattern';
/** What the fields of normalizers, pre-tokenizers, decoders and processors hold: the same in all of them. */
const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ...['type', 'behavior', 'replacement', 'prepend_scheme', 'prepend', 'content', 'prefix', 'suffix', 'precompiled_charsmap', 'pad_token', 'word_delimiter_token', 'split'].map((name) => [name, 'a text'] as const), // prettier-ignore
  ...['invert', 'add_prefix_space', 'use_regex', 'trim_offsets', 'individual_digits', 'lowercase', 'strip_accents', 'clean_text', 'handle_chinese_chars', 'strip_left', 'strip_right', 'cleanup', 'fuse_unk'].map((name) => [name, 'true or false'] as const), // prettier-ignore
  ...['start', 'stop'].map((name) => [name, 'a number'] as const),
  ...['cls', 'sep'].map((name) => [name, 'a list'] as const),
  ...['normalizers', 'pretokenizers', 'decoders', 'processors', 'single', 'pair'].map((name) => [name, 'a list of objects'] as const), // prettier-ignore
  ['pattern', 'a pattern'],
]);

function fits(value: unknown, form: Form): boolean {
  switch (form) {
    case 'a text':
      return typeof value === 'string';
    case 'true or false':
      return typeof value === 'boolean';
    case 'a number':
      return Number.isInteger(value);
    case 'a list':
      return Array.isArray(value);
    case 'a list of objects':
      return Array.isArray(value) && value.every(isFields);
    case 'a pattern':
      return (
        isFields(value) &&
        (typeof value['Regex'] === 'string' || typeof value['String'] === 'string')
      );
  }
}

/** @throws Error naming the field of a normalizer, pre-tokenizer, decoder or processor that has another form */
function checkPart(name: string, part: Json, depth = 0): void {
  if (depth > 16) throw new Error(`"${name}" is nested more than 16 deep`);
  for (const [field, value] of Object.entries(part)) {
    const form = FORMS.get(field);
    if (form === undefined || value === null) continue;
    if (!fits(value, form)) throw new Error(`"${field}" of "${name}" must be ${form}`);
    if (form !== 'a list of objects') continue;
    for (const inner of value as Json[]) checkPart(field, inner, depth + 1);
  }
}

/**
 * Checks the shape of a `tokenizer.json` and writes its pre-tokenizers out as the Rust library runs them.
 * @throws Error naming the file and what was expected
 */
export function parseTokenizerJson(json: unknown, where: string): TokenizerJson {
  const fail = (what: string): Error => new Error(`${where}: no readable tokenizer: ${what}`);
  if (!isFields(json)) throw fail('expected a JSON object');
  if (!isFields(json['model'])) throw fail('expected an object "model"');
  const added = json['added_tokens'] ?? [];
  if (
    !Array.isArray(added) ||
    !added.every(
      (t) => isFields(t) && typeof t['content'] === 'string' && Number.isInteger(t['id']),
    )
  ) {
    throw fail('"added_tokens" must be a list of {id, content}');
  }
  const type = json['model']['type'];
  if (
    type === 'BPE' &&
    !(isFields(json['model']['vocab']) && Array.isArray(json['model']['merges']))
  ) {
    throw fail('a BPE model needs "vocab" and "merges"');
  }
  if (type === 'BPE' && !(json['model']['merges'] as unknown[]).every(isMerge))
    throw fail('"merges" must be a list of pairs, such as "t h" or ["t", "h"]');
  const part = (name: string): Json | null => {
    const value = json[name] ?? null;
    if (value !== null && !isFields(value)) throw new Error(`"${name}" must be an object or null`);
    if (value !== null) checkPart(name, value);
    return value;
  };
  try {
    const steps = flatten(part('pre_tokenizer'));
    return {
      ...json,
      model: json['model'],
      added_tokens: added as AddedToken[],
      normalizer: part('normalizer'),
      post_processor: part('post_processor'),
      decoder: part('decoder'),
      pre_tokenizer: steps.length === 0 ? null : { type: 'Sequence', pretokenizers: steps },
    };
  } catch (error) {
    throw fail(messageOf(error));
  }
}

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string' ||
  (Array.isArray(merge) && merge.length === 2 && merge.every((half) => typeof half === 'string'));

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
      if (!Array.isArray(steps) || !steps.every(isFields)) {
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
