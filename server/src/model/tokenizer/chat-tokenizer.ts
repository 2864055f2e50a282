import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ChatTemplate,
  specialToken,
  specialTokens,
  templateOf,
  type Message,
} from './chat-template.js';
import { findGatingPattern, lastOccurrence } from './gating-pattern.js';
import { TemplateLimitError } from './jinja/budget.js';
import { SegmentEncoder, type EncodedText } from './segment-encoder.js';
import { RenderedCalls } from './rendered-calls.js';
import { TemplateReader } from './template-reader.js';
import { beginning, rewardAt, type Positions, type TokenPath } from './token-path.js';
import { messageOf } from '../../errors.js';
import { isFields } from '../../fields.js';

export type { Positions, TokenPath } from './token-path.js';

type Json = Readonly<Record<string, unknown>>;

/** Messages to token ids: chat template, tokenizer and the two positions that a QRM reads. */
export class ChatTokenizer {
  readonly #pattern: { readonly ids: readonly number[] } | { readonly error: unknown };
  readonly #encoder: SegmentEncoder;
  readonly #template: ChatTemplate;
  readonly #bos: number | undefined;
  readonly #specials: readonly string[];
  #reader: TemplateReader | undefined;
  readonly #files: Readonly<Record<string, string>>;

  private constructor(
    json: unknown,
    config: Json,
    template: string,
    where: { tokenizer: string; template: string },
    files: Readonly<Record<string, string>>,
  ) {
    this.#encoder = new SegmentEncoder(json, config, where.tokenizer);
    this.#template = new ChatTemplate(template, config, where.template);
    this.#files = files;
    this.#pattern = this.#findPattern(where.template);
    this.#specials = specialTokens(config);
    const bos = specialToken(config, 'bos_token');
    const id = bos === undefined ? undefined : this.#encoder.id(bos);
    // ChatML models name the token that opens every turn as BOS; that one means nothing when left alone.
    this.#bos = id !== undefined && !this.opening.includes(id) ? id : undefined;
  }

  /** Token ids that open the assistant's turn. @throws Error where the template has no such tokens */
  get gatingPattern(): readonly number[] {
    if ('error' in this.#pattern) throw this.#pattern.error;
    return this.#pattern.ids;
  }

  /** The same, empty where the template has none. */
  get opening(): readonly number[] {
    return 'ids' in this.#pattern ? this.#pattern.ids : [];
  }

  #findPattern(where: string): { ids: readonly number[] } | { error: unknown } {
    try {
      return { ids: findGatingPattern(this.#template, this.#encoder, where) };
    } catch (error) {
      // Nothing can be asked of such a template, with a gate or without.
      if (error instanceof TemplateLimitError) throw error;
      return { error };
    }
  }

  /**
   * Reads `tokenizer.json`, `tokenizer_config.json` and, where it exists, `chat_template.jinja`.
   * @throws Error naming the file and what was expected
   */
  static async fromFolder(folder: string): Promise<ChatTokenizer> {
    const files: Record<string, string> = {};
    const read = async (name: string): Promise<string> => {
      const path = join(folder, name);
      if (!existsSync(path)) throw new Error(`${folder}: no ${name}`);
      return (files[name] = await readFile(path, 'utf8'));
    };
    const json = async (name: string): Promise<unknown> => {
      try {
        return JSON.parse((await read(name)).replace(/^\uFEFF/, ''));
      } catch (error) {
        if (error instanceof SyntaxError) {
          throw new Error(`${join(folder, name)}: expected JSON: ${error.message}`);
        }
        throw error;
      }
    };
    const tokenizer = await json('tokenizer.json');
    const config = await json('tokenizer_config.json');
    const where = {
      tokenizer: join(folder, 'tokenizer.json'),
      template: join(folder, 'tokenizer_config.json'),
    };
    if (!isFields(config)) throw new Error(`${where.template}: expected a JSON object`);
    let template: string;
    if (existsSync(join(folder, 'chat_template.jinja'))) {
      where.template = join(folder, 'chat_template.jinja');
      template = await read('chat_template.jinja');
    } else {
      template = templateOf(config, where.template);
    }
    return new ChatTokenizer(tokenizer, config, template, where, files);
  }

  /**
   * The same from objects, for a GGUF file's metadata.
   * @param where the file they come from, for errors
   */
  static create(tokenizerJson: object, tokenizerConfig: object, where: string): ChatTokenizer {
    const config = tokenizerConfig as Json;
    return new ChatTokenizer(
      tokenizerJson,
      config,
      templateOf(config, where),
      { tokenizer: where, template: where },
      {
        'tokenizer.json': JSON.stringify(tokenizerJson),
        'tokenizer_config.json': JSON.stringify(tokenizerConfig, null, 2),
      },
    );
  }

  /** The files of a folder that `fromFolder` reads as this tokenizer: name -> contents. */
  files(): Readonly<Record<string, string>> {
    return this.#files;
  }

  /**
   * One path a target, in the targets' order; an error where that target cannot be scored.
   * @param targets indices of assistant turns in `messages`
   * @param maxTokens the model's context in tokens
   * @param positions default: the last token, and the gate's
   */
  paths(
    messages: readonly Message[],
    targets: readonly number[],
    maxTokens: number,
    positions: Positions = {},
  ): (TokenPath | { error: string })[] {
    const out = new Array<TokenPath | { error: string }>(targets.length);
    // The longest first: the shorter ones are usually its beginnings and need no encoding of their own.
    const order = targets.map((_, i) => i).sort((a, b) => targets[b]! - targets[a]!);
    let whole: (EncodedText & { text: string }) | undefined;
    const rendered = new RenderedCalls(this.#template);
    for (const i of order) {
      try {
        const target = targets[i]!;
        this.#check(messages, target, maxTokens);
        rendered.check(messages, target);
        const text = this.#template.render(messages.slice(0, target + 1));
        let ids = whole && beginning(whole, text);
        if (ids === undefined) {
          const encoded = this.#encoder.encode(text);
          whole ??= { ...encoded, text };
          ids = encoded.ids;
        }
        out[i] = this.#path(ids, messages, target, maxTokens, positions);
      } catch (error) {
        out[i] = { error: messageOf(error) };
      }
    }
    return out;
  }

  /**
   * The path of a text that the model's own chat template made, or of its ids. A text is read back into
   * messages where that can be, and then has their path; else it is encoded as it stands, with the BOS token
   * and the end of the last turn that the template would have put there. Ids are taken as they are.
   */
  pathOf(
    made: string | readonly number[],
    maxTokens: number,
    positions: Positions = {},
  ): TokenPath | { error: string } {
    try {
      if (typeof made !== 'string')
        return this.#path(this.#known(made), [], 0, maxTokens, positions);
      this.#reader ??= new TemplateReader(this.#template, this.#specials);
      const messages = this.#reader.read(made);
      const [path] =
        messages === undefined
          ? []
          : this.paths(messages, [messages.length - 1], maxTokens, positions);
      if (path !== undefined) return path;
      this.#checkLength(made, maxTokens);
      const { ids } = this.#encoder.encode(this.#reader.closed(made));
      const bos = this.#bos !== undefined && ids[0] !== this.#bos ? [this.#bos] : [];
      return this.#path([...bos, ...ids], [], 0, maxTokens, positions);
    } catch (error) {
      return { error: messageOf(error) };
    }
  }

  #known(ids: readonly number[]): readonly number[] {
    const { size } = this.#encoder;
    const bad = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= size);
    if (bad >= 0 || ids.length === 0) {
      const found = ids.length === 0 ? 'no token' : `token ${bad + 1} is ${ids[bad]}`;
      throw new Error(`${found}; expected ids from 0 to ${size - 1}`);
    }
    return ids;
  }

  #check(messages: readonly Message[], target: number, maxTokens: number): void {
    const message = messages[target];
    if (message === undefined) {
      throw new Error(`there is no turn ${target + 1}: the conversation has ${messages.length}`);
    }
    if (message.role !== 'assistant') {
      throw new Error(`turn ${target + 1} has the role "${message.role}"; expected "assistant"`);
    }
    this.#checkLength(message.content, maxTokens);
  }

  /** Megabytes of response are not worth encoding to learn that they do not fit. */
  #checkLength(text: string, maxTokens: number): void {
    const longest = this.#encoder.longestToken;
    if (longest !== undefined && text.length > longest * maxTokens) {
      const least = Math.ceil(text.trim().length / longest);
      if (least > maxTokens) {
        throw new Error(
          `the response has at least ${least} tokens, more than the model's context of ${maxTokens}`,
        );
      }
    }
  }

  #path(
    ids: readonly number[],
    messages: readonly Message[],
    target: number,
    maxTokens: number,
    { gated = true, ...token }: Positions,
  ): TokenPath {
    const found = this.opening.length === 0 ? -1 : lastOccurrence(ids, this.opening);
    if (found < 0 && gated) {
      throw new Error(
        messages.length === 0
          ? "the text holds no assistant's turn as the model's chat template opens it (no gating pattern)"
          : `turn ${target + 1} is not opened as the model expects (no gating pattern): a user turn must come before it`,
      );
    }
    const path = (kept: readonly number[], gate: number, truncatedTokens: number): TokenPath => {
      const reward = rewardAt(kept, token);
      return { ids: kept, reward, gate: gated ? gate : reward, truncatedTokens };
    };
    if (ids.length <= maxTokens) return path(ids, found, 0);
    const bos = ids[0] === this.#bos ? 1 : 0;
    const opening = Math.max(bos, this.#opening(ids, messages, target, found));
    const kept = ids.length - opening;
    if (bos + kept > maxTokens) {
      throw new Error(
        `the response has ${kept} tokens, more than the model's context of ${maxTokens}`,
      );
    }
    const cut = ids.length - maxTokens;
    return path([...ids.slice(0, bos), ...ids.slice(bos + cut)], found - cut, cut);
  }

  /** Where the target's turn opens. A response that holds the pattern has its last occurrence further on. */
  #opening(
    ids: readonly number[],
    messages: readonly Message[],
    target: number,
    gate: number,
  ): number {
    // Of a text that is no conversation nothing is known to be the response but its last token.
    if (messages.length === 0 && gate < 0) return ids.length - 1;
    if (target === 0) return gate;
    try {
      const before = this.#encoder.encode(this.#template.render(messages.slice(0, target))).ids;
      let shared = 0;
      while (shared < before.length && before[shared] === ids[shared]) shared++;
      if (gate < 0) return shared;
      // The pattern may begin with the end of the turn before.
      const from = Math.max(0, shared - this.opening.length);
      for (let at = from; at < gate; at++) {
        if (this.opening.every((id, k) => ids[at + k] === id)) return at;
      }
    } catch {
      // A template may reject a conversation that ends with the user.
    }
    return gate;
  }
}
