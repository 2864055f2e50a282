import type { ScoreConversation, TargetResult } from '../../engine/types.js';
import {
  DEFAULT_CVAR_LEVEL,
  DEFAULT_LAMBDA,
  DEFAULT_TAU,
  measure,
  type MeasureOptions,
  type QrmSpec,
  type RewardScore,
} from '../../qrm/index.js';
import { whyUnscored } from '../../session/unscored.js';
import { HttpError } from '../errors.js';
import { messagesOf, type RequestMessage, type ServedModel } from '../model.js';
import { messages, modelName, nameIn, oneOf, post, text, type RouteContext } from './context.js';
import { own } from '../../fields.js';

const WHAT = ['quantiles', 'attributes', 'gate', 'measures'] as const;

type Conversation =
  | readonly RequestMessage[]
  | { readonly messages: readonly RequestMessage[]; readonly targets?: readonly number[] };

export interface DistributionsBody {
  readonly model?: string | null;
  readonly messages?: readonly RequestMessage[];
  readonly conversations?: readonly Conversation[];
  readonly prompt?: string | readonly RequestMessage[];
  readonly completions?: readonly (string | readonly RequestMessage[])[];
  readonly what?: readonly (typeof WHAT)[number][];
  readonly encoding_format?: 'float' | 'base64';
  readonly weights?: Readonly<Record<string, number>>;
  readonly tau?: number;
  readonly lambda?: number;
  readonly cvar_level?: number;
  readonly priority?: number;
}

const targets = { type: 'array', items: { type: 'integer', minimum: 0 }, minItems: 1 };
const conversation = oneOf(messages, {
  type: 'object',
  required: ['messages'],
  additionalProperties: false,
  properties: {
    messages,
    targets: { ...targets, description: 'Turns that are scored, from 0; default: the last.' },
  },
});
const properties = {
  model: modelName,
  messages,
  conversations: { type: 'array', items: conversation, minItems: 1 },
  prompt: oneOf(text, messages),
  completions: { type: 'array', items: oneOf(text, messages), minItems: 1 },
  what: { type: 'array', items: { enum: WHAT }, default: ['quantiles', 'measures'] },
  encoding_format: {
    enum: ['float', 'base64'],
    default: 'float',
    description:
      'base64: arrays are little-endian float32, bit for bit what the command line writes.',
  },
  weights: {
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'Fixed attribute weights in place of the gate; attributes not named get 0.',
  },
  tau: { type: 'number', exclusiveMinimum: 0, maximum: 0.5, default: DEFAULT_TAU },
  lambda: { type: 'number', minimum: 0, maximum: 1e6, default: DEFAULT_LAMBDA },
  cvar_level: { type: 'number', exclusiveMinimum: 0, maximum: 1, default: DEFAULT_CVAR_LEVEL },
  priority: { type: 'integer', minimum: -10, maximum: 10, default: 0 },
};

/** Whole distributions, in a form of our own. */
export function nativeRoutes({ app, model, score }: RouteContext): void {
  const { schema } = post('Whole distributions of rewards', 'QRM', properties, {
    additionalProperties: false,
    description: 'One of: messages; conversations; prompt and completions.',
  });
  app.post<{ Body: DistributionsBody }>('/v1/distributions', { schema }, async (request) => {
    const { body } = request;
    const asked = conversationsOf(body);
    const served = model();
    const results = await score(request, asked, body.priority);
    return distributions(served, body, nameIn(request), asked, results);
  });
}

/** @throws HttpError 400 */
export function conversationsOf(body: DistributionsBody): ScoreConversation[] {
  const { messages, conversations, prompt, completions } = body;
  const forms = [messages, conversations, prompt ?? completions].filter((x) => x !== undefined);
  if (forms.length !== 1 || (prompt === undefined) !== (completions === undefined))
    throw new HttpError(400, 'expected one of: messages; conversations; prompt and completions');
  if (messages) return [targeted(messages)];
  if (conversations)
    return conversations.map((c) =>
      'messages' in c ? targeted(c.messages, c.targets) : targeted(c),
    );
  const before: readonly RequestMessage[] =
    typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : (prompt ?? []);
  return (completions ?? []).map((c) =>
    targeted([...before, ...(typeof c === 'string' ? [{ role: 'assistant', content: c }] : c)]),
  );
}

function targeted(raw: readonly RequestMessage[], wanted?: readonly number[]): ScoreConversation {
  const read = messagesOf(raw);
  return { messages: read, targets: wanted ?? [read.length - 1] };
}

/** The answer to a request of distributions: an entry for each response, in the request's order. */
export function distributions(
  served: ServedModel,
  body: DistributionsBody,
  name: string | null | undefined,
  asked: readonly ScoreConversation[],
  results: readonly (readonly TargetResult[])[],
): object {
  const { spec, modelHash } = served.info;
  const reward = served.rewardOf(name);
  const form = formOf(body, spec);
  const data = asked.flatMap(({ messages, targets }, conversation) =>
    targets.map((turn, t) => {
      const head = { conversation, turn };
      const error = whyUnscored(messages[turn]);
      const result = results[conversation]?.[t];
      if (error !== undefined || result === undefined) return { ...head, error };
      if (!result.ok) return { ...head, error: result.error };
      return { ...head, ...form(result.score), reward: reward.of(result.score) };
    }),
  );
  return {
    object: 'list',
    model: served.name,
    model_hash: modelHash,
    reward: reward.name,
    levels: spec.levels,
    attributes: spec.attributes,
    data,
  };
}

/** @throws HttpError 400 for weights of attributes that there are not */
function formOf(body: DistributionsBody, spec: QrmSpec) {
  const { what = ['quantiles', 'measures'], encoding_format: encoding = 'float' } = body;
  const wants = new Set(what);
  const options: MeasureOptions = {
    tau: body.tau ?? DEFAULT_TAU,
    lambda: body.lambda ?? DEFAULT_LAMBDA,
    cvarLevel: body.cvar_level ?? DEFAULT_CVAR_LEVEL,
    ...(body.weights && { weights: weightsOf(body.weights, spec) }),
  };
  const K = spec.levels.length;
  const numbers = (array: Float32Array) =>
    encoding === 'base64' ? float32Base64(array) : [...array];
  return (score: RewardScore): object => {
    const attributes = spec.attributes.map((name, m): [string, unknown] => [
      name,
      numbers(score.attributeQuantiles.subarray(m * K, (m + 1) * K)),
    ]);
    const gate = spec.attributes.map((name, m) => [name, score.gate[m]]);
    return {
      tokens: score.tokens,
      truncated_tokens: score.truncatedTokens,
      expectation: score.expectation,
      ...(wants.has('quantiles') && { quantiles: numbers(score.quantiles) }),
      ...(wants.has('attributes') && {
        attributes:
          encoding === 'base64'
            ? numbers(score.attributeQuantiles)
            : Object.fromEntries(attributes),
      }),
      ...(wants.has('gate') && {
        gate: encoding === 'base64' ? numbers(score.gate) : Object.fromEntries(gate),
      }),
      ...(wants.has('measures') && { measures: measuresOf(score, spec, options) }),
    };
  };
}

function measuresOf(score: RewardScore, spec: QrmSpec, options: MeasureOptions): object {
  const { sorted, certaintyEquivalent, ...others } = measure(score, spec.levels, options);
  return { ...others, certainty_equivalent: certaintyEquivalent, sorted: [...sorted] };
}

function weightsOf(weights: Readonly<Record<string, number>>, { attributes }: QrmSpec): number[] {
  const stranger = Object.keys(weights).find((name) => !attributes.includes(name));
  if (stranger !== undefined)
    throw new HttpError(
      400,
      `weights: no attribute "${stranger.slice(0, 80)}"; expected some of ${attributes.join(', ')}`,
    );
  return attributes.map((name) => own(weights, name) ?? 0);
}

/** Little-endian float32 as base64, whatever the machine's own order. */
function float32Base64(array: ArrayLike<number>): string {
  const bytes = Buffer.alloc(4 * array.length);
  for (let i = 0; i < array.length; i++) bytes.writeFloatLE(array[i] as number, 4 * i);
  return bytes.toString('base64');
}
