import { SequencePreTokenizer, Tokenizer } from '@huggingface/tokenizers';
import { ByteBpe } from './byte-bpe.js';
import {
  flatten,
  parseTokenizerJson,
  type TokenizerInput,
  type TokenizerJson,
} from './tokenizer-json.js';
import { TextCache } from './text-cache.js';
import { messageOf } from '../../errors.js';

/** A text's token ids, and the places where both text and ids can be cut. */
export interface EncodedText {
  readonly ids: readonly number[];
  /** Text offset -> number of ids before it, at the end of each added token and before each. */
  readonly borders: ReadonlyMap<number, number>;
}

type Json = Readonly<Record<string, unknown>>;
const NO_SPECIALS = { add_special_tokens: false } as const;
/** UTF-16 units of sections whose ids are kept: 10 to 15 bytes each. */
const SECTION_CACHE = 1_000_000;
/** Words whose ids are kept: some 200 bytes each. */
const WORD_CACHE = 100_000;
const LONGEST_WORD = 64;
/** Letters, digits, marks, white space and characters of two to four bytes. */
const SAMPLE = "Hi, it's 42.\n\n  é 漢字 😀\t<x>";

/**
 * Text to ids by @huggingface/tokenizers, with caches that change nothing: an added token always splits the
 * text before anything else looks at it, so what lies between two of them is encoded alone; byte-level BPE
 * encodes each pre-token alone, and does so on ids (byte-bpe.ts).
 */
export class SegmentEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #added: RegExp | undefined;
  readonly #words: WordEncoder | undefined;
  readonly #sections = new TextCache<readonly number[]>(SECTION_CACHE, (text) => text.length);
  /** The longest token of a byte-level vocabulary in bytes; undefined for other kinds. */
  readonly longestToken: number | undefined;
  /** Ids are below this. */
  readonly size: number;

  /** @throws Error naming `where` when the file is damaged or of an unknown kind */
  constructor(json: unknown, config: Json, where: string) {
    const parsed = parseTokenizerJson(json, where);
    try {
      this.#tokenizer = new Tokenizer(parsed as TokenizerInput, config);
      // Some parts are looked at when they are used first; a conversation's own text must not be blamed.
      this.#tokenizer.encode(SAMPLE, NO_SPECIALS);
    } catch (error) {
      throw new Error(
        error instanceof TypeError
          ? `${where}: a part of it has a form that tokenizers do not know (${messageOf(error)})`
          : `${where}: cannot be used: ${messageOf(error)}`,
      );
    }
    this.size = idsOf(parsed);
    if (splittable(parsed)) {
      const contents = parsed.added_tokens.map((t) => t.content).filter((c) => c !== '');
      // Longest first: at one place the longest added token wins, as in the library.
      const sorted = contents.sort((a, b) => b.length - a.length);
      this.#added = new RegExp(sorted.map(escapeRegExp).join('|') || '(?!)', 'g');
      this.#words = WordEncoder.of(parsed, config);
    }
    if (this.#words !== undefined) {
      const vocab = Object.keys(parsed.model['vocab'] as Json);
      this.longestToken = vocab.reduce((n, t) => Math.max(n, t.length), 1);
    }
  }

  /** The id of one token by its text. */
  id(token: string): number | undefined {
    return this.#tokenizer.token_to_id(token);
  }

  /** All ids of a text; no token is added, since a templated text already holds them. */
  encode(text: string): EncodedText {
    if (this.#added === undefined) {
      const { ids } = this.#tokenizer.encode(text, NO_SPECIALS);
      return { ids, borders: new Map([[text.length, ids.length]]) };
    }
    const ids: number[] = [];
    const borders = new Map<number, number>();
    let from = 0;
    const plain = (to: number): void => {
      if (to > from) for (const id of this.#section(text.slice(from, to))) ids.push(id);
      borders.set(to, ids.length);
    };
    for (const match of text.matchAll(this.#added)) {
      plain(match.index);
      ids.push(this.#tokenizer.token_to_id(match[0])!);
      from = match.index + match[0].length;
      borders.set(from, ids.length);
    }
    plain(text.length);
    return { ids, borders };
  }

  #section(text: string): readonly number[] {
    const known = this.#sections.get(text);
    if (known !== undefined) return known;
    const ids = this.#words?.encode(text) ?? this.#tokenizer.encode(text, NO_SPECIALS).ids;
    this.#sections.add(text, ids);
    return ids;
  }
}

function idsOf({ model, added_tokens }: TokenizerJson): number {
  const { vocab } = model;
  const own = Array.isArray(vocab) ? vocab.length : 0;
  const values = Array.isArray(vocab) ? [] : (Object.values(vocab ?? {}) as number[]);
  let most = own - 1;
  for (const id of values) if (id > most) most = id;
  for (const { id } of added_tokens) if (id > most) most = id;
  return most + 1;
}

/** Does an added token always cut the text, whatever stands beside it? */
function splittable(json: TokenizerJson): boolean {
  return (
    json.added_tokens.every(
      (t) =>
        t.lstrip !== true &&
        t.rstrip !== true &&
        (json.normalizer === null || t.normalized === false),
    ) &&
    // `first` looks at a section's place in the whole.
    flatten(json.pre_tokenizer).every((p) => p['prepend_scheme'] !== 'first')
  );
}

/** Byte-level BPE word by word; a word's ids do not depend on its neighbours. */
class WordEncoder {
  readonly #cache = new TextCache<readonly number[]>(WORD_CACHE, () => 1);

  private constructor(
    private readonly split: SequencePreTokenizer,
    private readonly bpe: ByteBpe,
  ) {}

  /** Undefined where the tokenizer is not plain byte-level BPE: the library's whole path is used then. */
  static of(json: TokenizerJson, config: Json): WordEncoder | undefined {
    const steps = flatten(json.pre_tokenizer);
    const last = steps.pop();
    if (
      json.normalizer !== null ||
      config['remove_space'] === true ||
      config['do_lowercase_and_remove_accent'] === true ||
      last?.['type'] !== 'ByteLevel' ||
      last['use_regex'] !== false ||
      last['add_prefix_space'] === true ||
      !steps.every((s) => s['type'] === 'Split')
    ) {
      return undefined;
    }
    const bpe = ByteBpe.of(json.model);
    if (bpe === undefined) return undefined;
    const sequence = { type: 'Sequence', pretokenizers: steps } as unknown;
    type Config = ConstructorParameters<typeof SequencePreTokenizer>[0];
    return new WordEncoder(new SequencePreTokenizer(sequence as Config), bpe);
  }

  encode(text: string): readonly number[] {
    const ids: number[] = [];
    for (const word of this.split.pre_tokenize(text)) {
      let known = this.#cache.get(word);
      if (known === undefined) {
        known = this.bpe.encode(word);
        if (word.length < LONGEST_WORD) this.#cache.add(word, known);
      }
      for (const id of known) ids.push(id);
    }
    return ids;
  }
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
