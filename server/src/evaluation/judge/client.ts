import { createHash } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { connectionReason } from '../../errors.js';
import type { JudgeMessage } from './prompt.js';

/** One answer of a judge. */
export interface JudgeAnswer {
  readonly text: string;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cached: boolean;
}

/** Answers that were paid for, by the hash of all that was asked. */
export interface AnswerCache {
  get(key: string): Promise<Omit<JudgeAnswer, 'cached'> | undefined>;
  put(key: string, answer: Omit<JudgeAnswer, 'cached'>): Promise<void>;
}

export interface JudgeEndpoint {
  /** The API's root, such as `http://127.0.0.1:8000/v1`. */
  readonly url: string;
  readonly model: string;
  readonly apiKey?: string;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly signal?: AbortSignal;
  readonly retries?: number;
  /** Milliseconds before the second attempt; doubles with each. */
  readonly backoff?: number;
  /** Milliseconds that one answer may take. */
  readonly timeout?: number;
}

/** The endpoint answered, and what it said can be mended by no further attempt. */
export class JudgeRefused extends Error {
  override readonly name = 'JudgeRefused';
}

/** Asks any server that speaks OpenAI's chat completions. */
export class JudgeClient {
  private readonly address: string;

  constructor(
    private readonly endpoint: JudgeEndpoint,
    private readonly cache?: AnswerCache,
  ) {
    const url = endpoint.url.replace(/\/+$/, '');
    this.address = /\/chat\/completions$/.test(url) ? url : `${url}/chat/completions`;
  }

  /** @throws JudgeRefused; Error when the server cannot be reached or keeps failing; AbortError */
  async ask(messages: readonly JudgeMessage[]): Promise<JudgeAnswer> {
    const { model, maxTokens, temperature } = this.endpoint;
    const body = { model, messages, max_tokens: maxTokens, temperature, seed: 1 };
    const key = createHash('sha256')
      .update(JSON.stringify([this.address, body]))
      .digest('hex');
    const known = await this.cache?.get(key);
    if (known !== undefined) return { ...known, cached: true };
    const answer = await this.attempts(JSON.stringify(body));
    await this.cache?.put(key, answer);
    return { ...answer, cached: false };
  }

  private async attempts(body: string): Promise<Omit<JudgeAnswer, 'cached'>> {
    const { retries = 5, backoff = 1000, signal } = this.endpoint;
    for (let attempt = 0; ; attempt++) {
      let wait = backoff * 2 ** attempt;
      try {
        const response = await this.post(body);
        if (response.ok) return answerOf(await response.json());
        const said = (await response.text()).slice(0, 300);
        const message = `${this.address}: ${response.status} ${response.statusText}: ${said}`;
        // Too many, a time-out, or the server's own fault may pass.
        if (![408, 409, 425, 429].includes(response.status) && response.status < 500)
          throw new JudgeRefused(message);
        if (attempt >= retries) throw new Error(message);
        const asked = Number(response.headers.get('retry-after'));
        if (asked > 0) wait = Math.min(asked * 1000, 60_000);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof JudgeRefused || attempt >= retries)
          throw reasonOf(this.address, error);
      }
      await setTimeout(wait, undefined, signal && { signal });
    }
  }

  private post(body: string): Promise<Response> {
    const { apiKey, signal, timeout = 600_000 } = this.endpoint;
    const limit = AbortSignal.timeout(timeout);
    return fetch(this.address, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      },
      body,
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
  }
}

const reasonOf = (address: string, error: unknown): unknown =>
  error instanceof TypeError
    ? new Error(`${address} cannot be reached: ${connectionReason(error)}`, { cause: error })
    : error;

function answerOf(value: unknown): Omit<JudgeAnswer, 'cached'> {
  const { choices, usage } = (value ?? {}) as {
    choices?: { message?: { content?: unknown } }[];
    usage?: { prompt_tokens?: number; completion_tokens?: number };
  };
  const text = choices?.[0]?.message?.content;
  if (text !== undefined && text !== null && typeof text !== 'string')
    throw new JudgeRefused('the answer has no text; expected choices[0].message.content');
  if (choices === undefined) throw new JudgeRefused('no choices in the answer; expected those of chat completions'); // prettier-ignore
  return {
    text: text ?? '',
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: usage?.completion_tokens ?? 0,
  };
}
