import type { FastifyRequest } from 'fastify';
import { HttpError } from '../errors.js';
import { scoresOf, valuesOf } from '../model.js';
import { answerId, nameIn, type RouteContext } from './context.js';

interface Body {
  readonly text?: string | readonly string[];
  readonly input_ids?: readonly number[] | readonly (readonly number[])[];
}

/** SGLang's native classify: a list for a list, one answer for one text. */
export async function sglangClassify(
  { model, score }: RouteContext,
  request: FastifyRequest,
): Promise<object> {
  const { text, input_ids: given } = request.body as Body;
  if ((text === undefined) === (given === undefined))
    throw new HttpError(400, 'expected one of "text" and "input_ids"');
  const served = model();
  const single = typeof text === 'string' || typeof given?.[0] === 'number';
  const texts = text === undefined ? [] : typeof text === 'string' ? [text] : text;
  const lists = (given === undefined ? [] : single ? [given] : given) as number[][];
  const asked = [
    ...texts.map((t, i) => served.conversationOf(t, i)),
    ...lists.map((made) => ({ messages: [], targets: [0], made })),
  ];
  const reward = served.rewardOf(nameIn(request));
  const scores = scoresOf(await score(request, asked));
  const answers = valuesOf(scores, reward).map((value, i) => ({
    embedding: [value],
    meta_info: {
      id: answerId('classify'),
      finish_reason: null,
      prompt_tokens: scores[i]?.tokens ?? 0,
    },
  }));
  return single ? (answers[0] ?? {}) : answers;
}
