import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ScoreConversation, TargetResult } from '../../engine/types.js';
import { HttpError } from '../errors.js';
import type { ServedModel } from '../model.js';

/** What routes are made of. */
export interface RouteContext {
  readonly app: FastifyInstance;
  /** @throws HttpError 503 while it is loaded */
  readonly model: () => ServedModel;
  /**
   * The results of each conversation's targets; given up when the client leaves or the deadline is over.
   * @throws HttpError 413, 429, 504
   */
  readonly score: (
    request: FastifyRequest,
    conversations: readonly ScoreConversation[],
    priority?: number,
  ) => Promise<readonly (readonly TargetResult[])[]>;
}

type Schema = Readonly<Record<string, unknown>>;

export const text: Schema = { type: 'string' };
export const texts: Schema = { type: 'array', items: text, minItems: 1 };
export const ids: Schema = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 };
export const modelName: Schema = {
  type: ['string', 'null'],
  maxLength: 400,
  description: 'A served name, and which reward: NAME, NAME:q05, :cvar20, NAME:attribute(…).',
};
export const message: Schema = {
  type: 'object',
  required: ['role'],
  properties: {
    role: { type: 'string', maxLength: 64 },
    content: {},
    tool_calls: { type: ['array', 'null'], items: { type: 'object' } },
    tool_call_id: { type: ['string', 'null'] },
    name: { type: ['string', 'null'] },
  },
};
export const messages: Schema = { type: 'array', items: message, minItems: 1 };
export const oneOf = (...anyOf: Schema[]): Schema => ({ anyOf });

/** `?model=NAME:q05`, for clients that cannot name a model in what they send. */
export const query: Schema = {
  type: 'object',
  properties: { model: { type: 'string', maxLength: 400 } },
};

/** A route's schema for the checks and for OpenAPI. */
export const post = (
  summary: string,
  tag: string,
  properties: Readonly<Record<string, Schema>>,
  more: Schema = {},
) => ({
  schema: {
    summary,
    tags: [tag],
    querystring: query,
    body: { type: 'object', properties, ...more },
  },
});

/** The name that a request calls the model by, in its body or its query. @throws HttpError where it is no text */
export function nameIn(request: FastifyRequest): string | undefined {
  // Not every route's clients send a model, so not every schema says what it is.
  const { model } = (request.body ?? {}) as { model?: unknown };
  const name = model ?? (request.query as { model?: string }).model;
  if (name === undefined || typeof name === 'string') return name;
  throw new HttpError(400, 'body/model must be string');
}

let count = 0;
/** Names of answers, as these servers make them up. */
export const answerId = (kind: string): string =>
  `${kind}-${Date.now().toString(36)}${(count++).toString(36).padStart(6, '0')}`;
export const seconds = (): number => Math.floor(Date.now() / 1000);

export const usageOf = (scores: readonly { readonly tokens: number }[]) => {
  const tokens = scores.reduce((n, s) => n + s.tokens, 0);
  return {
    prompt_tokens: tokens,
    total_tokens: tokens,
    completion_tokens: 0,
    prompt_tokens_details: null,
  };
};
