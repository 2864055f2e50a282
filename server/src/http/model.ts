import type { EvaluatorInfo, ScoreConversation, TargetResult } from '../engine/types.js';
import type { TemplateReader } from '../model/tokenizer/template-reader.js';
import { rewardNamed, type NamedReward, type RewardScore } from '../qrm/index.js';
import { HttpError } from './errors.js';
import { messageOf } from '../errors.js';

/** What is served under its names, and the numbers that can be asked of it. */
export class ServedModel {
  readonly #names: ReadonlySet<string>;
  /** A handful of names; forgotten rather than kept without end. */
  readonly #rewards = new Map<string, NamedReward>();

  /**
   * @param names by which requests may call it; the first is its own
   * @param reward where a request names none
   * @param reader of the policy's texts; undefined: texts are those of the model's own template
   * @throws RangeError when there is no such reward
   */
  constructor(
    readonly info: EvaluatorInfo,
    readonly names: readonly string[],
    private readonly reward: string,
    private readonly reader: TemplateReader | undefined,
  ) {
    this.#names = new Set(names);
    rewardNamed(reward, info.spec);
  }

  get name(): string {
    return this.names[0] ?? this.info.modelName;
  }

  /**
   * The reward that a request means by `model`: nothing, `NAME`, `NAME:q05` or `:q05`.
   * @throws HttpError 404 for another model, 400 for a reward that there is not
   */
  rewardOf(model: string | null | undefined): NamedReward {
    const text = model ?? '';
    // A name may itself hold a colon.
    const name = this.#names.has(text) ? text : text.replace(/:[^:]*$/, '');
    if (name !== '' && !this.#names.has(name))
      throw new HttpError(404, `The model \`${shown(text)}\` does not exist.`);
    return this.named(text.slice(name.length + 1) || this.reward);
  }

  named(reward: string): NamedReward {
    const known = this.#rewards.get(reward);
    if (known) return known;
    try {
      const found = rewardNamed(reward, this.info.spec);
      if (this.#rewards.size >= 64) this.#rewards.clear();
      this.#rewards.set(reward, found);
      return found;
    } catch (error) {
      throw new HttpError(400, messageOf(error));
    }
  }

  /** A text that the policy's template made, or the model's own. @throws HttpError 400 */
  conversationOf(text: string, item: number): ScoreConversation {
    if (this.reader === undefined) return { messages: [], targets: [0], made: text };
    const messages = this.reader.read(text);
    if (messages === undefined)
      throw new HttpError(
        400,
        `item ${item} is not a text that the policy's chat template makes and that ends with the assistant`,
      );
    return { messages, targets: [messages.length - 1] };
  }
}

const shown = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** What a message of a request may hold. */
export interface RequestMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
  readonly name?: string;
}

/**
 * Messages as an engine takes them; the content a text, or OpenAI's list of text parts.
 * @throws HttpError 400 for what is no text
 */
export function messagesOf(messages: readonly RequestMessage[]): ScoreConversation['messages'] {
  return messages.map(({ role, content, tool_calls, tool_call_id, name }, i) => {
    const text = textOf(content);
    if (text === undefined)
      throw new HttpError(
        400,
        `messages[${i}].content: expected a text, or a list of {"type": "text", "text": "…"}`,
      );
    return {
      role,
      content: text,
      ...(tool_calls && tool_calls.length > 0 && { tool_calls }),
      ...(tool_call_id !== undefined && { tool_call_id }),
      ...(name !== undefined && { name }),
    };
  });
}

function textOf(content: unknown): string | undefined {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const parts = content as { type?: unknown; text?: unknown }[];
  if (!parts.every((p) => p?.type === 'text' && typeof p.text === 'string')) return undefined;
  return parts.map((p) => p.text as string).join('');
}

/** A prompt and its answer. */
export const exchange = (prompt: string, response: string): ScoreConversation => ({
  messages: [
    { role: 'user', content: prompt },
    { role: 'assistant', content: response },
  ],
  targets: [1],
});

/** A conversation whose last turn is scored. @throws HttpError 400 when that is not the assistant's */
export function lastTurn(messages: ScoreConversation['messages']): ScoreConversation {
  const last = messages.at(-1);
  if (last?.role !== 'assistant')
    throw new HttpError(
      400,
      last === undefined
        ? 'no messages'
        : "the last message must be the assistant's: it is what is scored",
    );
  return { messages, targets: [messages.length - 1] };
}

/** The score of each conversation's one target. @throws HttpError 400 naming the first without */
export function scoresOf(results: readonly (readonly TargetResult[])[]): RewardScore[] {
  return results.map(([result], i) => {
    if (result?.ok) return result.score;
    throw new HttpError(400, `item ${i}: ${result?.error ?? 'no result'}`);
  });
}

/** The named number of each. @throws HttpError 400 where it is beyond what JSON can say */
export function valuesOf(scores: readonly RewardScore[], reward: NamedReward): number[] {
  return scores.map((score, i) => {
    const value = reward.of(score);
    if (Number.isFinite(value)) return value;
    throw new HttpError(
      400,
      `item ${i}: ${reward.name} is ${value}; a smaller lambda, or ce(lambda=…) of the same order, is finite`,
    );
  });
}
