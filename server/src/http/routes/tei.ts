import type { FastifyRequest } from 'fastify';
import type { ScoreConversation } from '../../engine/types.js';
import { HttpError } from '../errors.js';
import { exchange, scoresOf, valuesOf, type ServedModel } from '../model.js';
import { nameIn, oneOf, post, text, type RouteContext } from './context.js';

interface PredictBody {
  readonly inputs: string | readonly (string | readonly string[])[];
}

const one = { type: 'array', items: text, minItems: 1, maxItems: 2 };

/** The routes of text-embeddings-inference. */
export function teiRoutes({ app, model, score }: RouteContext): void {
  const options = post(
    "text-embeddings-inference's predict: the reward as it is",
    'TEI',
    {
      inputs: oneOf(text, one, { type: 'array', items: oneOf(text, one), minItems: 1 }),
      raw_scores: { type: 'boolean', description: 'Scores are raw in any case.' },
      truncate: { type: ['boolean', 'null'] },
    },
    { required: ['inputs'] },
  );
  app.post<{ Body: PredictBody }>('/predict', options, async (request) => {
    const served = model();
    const { inputs } = request.body;
    // Two texts in one list are one pair; a batch is a list of lists.
    const single = typeof inputs === 'string' || inputs.every((x) => typeof x === 'string');
    const items = (single ? [inputs] : inputs) as readonly (string | readonly string[])[];
    const reward = served.rewardOf(nameIn(request));
    const asked = items.map((item, i) => inputOf(served, item, i));
    const values = valuesOf(scoresOf(await score(request, asked)), reward);
    const answers = values.map((value) => [{ score: value, label: reward.name }]);
    return single ? answers[0] : answers;
  });
}

function inputOf(
  served: ServedModel,
  item: string | readonly string[],
  index: number,
): ScoreConversation {
  if (typeof item === 'string') return served.conversationOf(item, index);
  const [first, second, third] = item;
  if (first === undefined || third !== undefined)
    throw new HttpError(400, `inputs[${index}]: expected a text, or a pair of prompt and response`);
  return second === undefined ? served.conversationOf(first, index) : exchange(first, second);
}

/** @throws HttpError 400 */
export async function teiRerank(
  { model, score }: RouteContext,
  request: FastifyRequest,
): Promise<object> {
  const body = request.body as { query: string; texts: string[]; return_text?: boolean };
  const reward = model().rewardOf(nameIn(request));
  const asked = body.texts.map((answer) => exchange(body.query, answer));
  const values = valuesOf(scoresOf(await score(request, asked)), reward);
  return values
    .map((value, index) => ({
      index,
      score: value,
      ...(body.return_text === true && { text: body.texts[index] }),
    }))
    .sort((a, b) => b.score - a.score || a.index - b.index);
}
