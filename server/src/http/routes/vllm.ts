import type { FastifyRequest } from 'fastify';
import type { ScoreConversation } from '../../engine/types.js';
import { rearrange } from '../../qrm/index.js';
import { HttpError } from '../errors.js';
import {
  exchange,
  lastTurn,
  messagesOf,
  scoresOf,
  valuesOf,
  type RequestMessage,
  type ServedModel,
} from '../model.js';
import {
  answerId,
  ids,
  messages,
  modelName,
  nameIn,
  oneOf,
  post,
  seconds,
  text,
  texts,
  usageOf,
  type RouteContext,
} from './context.js';
import { sglangClassify } from './sglang.js';
import { teiRerank } from './tei.js';
import { encoderOf, encodingProperties, type EncodingBody } from './vllm-encoding.js';

export interface InputBody extends EncodingBody {
  readonly input?: string | readonly (string | number | readonly number[])[];
  readonly messages?: readonly RequestMessage[];
  readonly truncate_prompt_tokens?: number | null;
  readonly add_generation_prompt?: boolean;
  readonly continue_final_message?: boolean;
  readonly chat_template?: string | null;
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | null;
  readonly task?: string;
}

const inputProperties = {
  model: modelName,
  input: oneOf(text, texts, ids, { type: 'array', items: ids, minItems: 1 }),
  messages,
  truncate_prompt_tokens: { type: ['integer', 'null'], minimum: -1 },
  add_generation_prompt: { type: 'boolean' },
  continue_final_message: { type: 'boolean' },
  chat_template: { type: ['string', 'null'] },
  chat_template_kwargs: { type: ['object', 'null'] },
};

/** vLLM's pooling routes, and OpenAI's embeddings. */
export function vllmRoutes(context: RouteContext): void {
  const { app, model, score } = context;
  const scored = async (request: FastifyRequest, asked: readonly ScoreConversation[]) => {
    const reward = model().rewardOf(nameIn(request));
    const scores = scoresOf(await score(request, asked));
    return { scores, values: valuesOf(scores, reward), reward, usage: usageOf(scores) };
  };
  const head = (kind: string) => ({
    id: answerId(kind),
    object: 'list',
    created: seconds(),
    model: model().name,
  });

  const classify = post("vLLM's and SGLang's classify: the reward as it is", 'vLLM', {
    ...inputProperties,
    text: oneOf(text, texts),
    input_ids: oneOf(ids, { type: 'array', items: ids, minItems: 1 }),
  });
  for (const path of ['/classify', '/v1/classify'])
    app.post<{ Body: InputBody }>(path, classify, async (request) => {
      const { body } = request;
      if ('text' in body || 'input_ids' in body) return sglangClassify(context, request);
      const { values, usage, reward } = await scored(request, inputsOf(model(), body));
      const data = values.map((value, index) => ({
        index,
        label: reward.name,
        probs: [value],
        num_classes: 1,
      }));
      return { ...head('classify'), data, usage };
    });

  const pooling = post('vLLM pooling: the reward, and its quantiles beside', 'vLLM', {
    ...inputProperties,
    ...encodingProperties,
    task: { type: ['string', 'null'] },
  });
  app.post<{ Body: InputBody }>('/pooling', pooling, async (request) => {
    const { body } = request;
    if (![undefined, null, 'classify'].includes(body.task))
      throw new HttpError(400, `task "${body.task}" is not served here; expected "classify"`);
    const encode = encoderOf(body);
    const { scores, values, usage } = await scored(request, inputsOf(model(), body));
    const { levels } = model().info.spec;
    const data = values.map((value, index) => ({
      index,
      object: 'pooling',
      data: encode([value]),
      quantiles: encode(rearrange(scores[index]?.quantiles ?? [])),
    }));
    return { ...head('pool'), data, levels, usage };
  });

  const embeddings = post("OpenAI's embeddings: one number, the reward", 'OpenAI', {
    ...inputProperties,
    ...encodingProperties,
  });
  for (const path of ['/v1/embeddings', '/embeddings'])
    app.post<{ Body: InputBody }>(path, embeddings, async (request) => {
      const encode = encoderOf(request.body);
      const { values, usage } = await scored(request, inputsOf(model(), request.body));
      const data = values.map((value, index) => ({
        object: 'embedding',
        index,
        embedding: encode([value]),
      }));
      return { ...head('embd'), data, usage };
    });

  const many = oneOf(text, texts);
  const pairs = { queries: many, text_1: many, data_1: many };
  const others = { documents: many, items: many, text_2: many, data_2: many };
  const scoreSchema = post("vLLM's score: of each document as an answer to its query", 'vLLM', {
    model: modelName,
    ...pairs,
    ...others,
  });
  for (const path of ['/score', '/v1/score'])
    app.post<{ Body: Readonly<Record<string, string | string[]>> }>(
      path,
      scoreSchema,
      async (request) => {
        const { values, usage } = await scored(request, pairsOf(request.body));
        const data = values.map((value, index) => ({ index, object: 'score', score: value }));
        return { ...head('score'), data, usage };
      },
    );

  const rerank = post('vLLM, Jina, Cohere and TEI rerank', 'vLLM', {
    model: modelName,
    query: text,
    documents: texts,
    texts,
    top_n: { type: ['integer', 'null'], minimum: 0 },
    return_text: { type: 'boolean' },
    raw_scores: { type: 'boolean' },
  }, { required: ['query'] }); // prettier-ignore
  type Rerank = { query: string; documents?: string[]; texts?: string[]; top_n?: number | null };
  for (const path of ['/rerank', '/v1/rerank', '/v2/rerank'])
    app.post<{ Body: Rerank }>(path, rerank, async (request) => {
      const { query, documents, texts: teiTexts, top_n: top } = request.body;
      if (teiTexts) return teiRerank(context, request);
      if (!documents) throw new HttpError(400, 'expected "documents", a list of texts');
      const { values, usage } = await scored(
        request,
        documents.map((d) => exchange(query, d)),
      );
      const results = values
        .map((value, index) => ({
          index,
          document: { text: documents[index] },
          relevance_score: value,
        }))
        .sort((a, b) => b.relevance_score - a.relevance_score || a.index - b.index);
      const { id, model: name } = head('rerank');
      return { id, model: name, usage, results: top ? results.slice(0, top) : results };
    });
}

/** @throws HttpError 400 for what would be scored otherwise than it says */
export function inputsOf(served: ServedModel, body: InputBody): ScoreConversation[] {
  const { input, truncate_prompt_tokens: cut } = body;
  if (body.chat_template != null || Object.keys(body.chat_template_kwargs ?? {}).length > 0)
    throw new HttpError(400, "chat_template: the model's own is used, and no other");
  if (body.add_generation_prompt === true || body.continue_final_message === true)
    throw new HttpError(
      400,
      'add_generation_prompt, continue_final_message: expected false, since a finished response is scored',
    );
  if ((input === undefined) === (body.messages === undefined))
    throw new HttpError(400, 'expected one of "input" and "messages"');
  const limit = cut != null && cut > 0 ? { maxTokens: cut } : {};
  if (body.messages) return [{ ...lastTurn(messagesOf(body.messages)), ...limit }];
  const items: readonly (string | readonly number[])[] =
    typeof input === 'string'
      ? [input]
      : typeof input?.[0] === 'number'
        ? [input as readonly number[]]
        : ((input ?? []) as readonly (string | readonly number[])[]);
  return items.map((item, i) => ({
    ...(typeof item === 'string'
      ? served.conversationOf(item, i)
      : { messages: [], targets: [0], made: item }),
    ...limit,
  }));
}

/** @throws HttpError 400 where the two lists do not belong together */
function pairsOf(body: Readonly<Record<string, string | string[]>>): ScoreConversation[] {
  const list = (...names: string[]): string[] => {
    const found = names.map((n) => body[n]).find((x) => x !== undefined);
    if (found === undefined) throw new HttpError(400, `expected ${names.join(' or ')}`);
    return typeof found === 'string' ? [found] : found;
  };
  const prompts = list('queries', 'text_1', 'data_1');
  const answers = list('documents', 'items', 'text_2', 'data_2');
  if (prompts.length !== 1 && prompts.length !== answers.length)
    throw new HttpError(
      400,
      `${prompts.length} queries and ${answers.length} documents: expected one query, or one for each`,
    );
  return answers.map((answer, i) => exchange(prompts[prompts.length === 1 ? 0 : i] ?? '', answer));
}
