import * as z from 'zod';
import type { Conversation, DatasetRow, Place } from '../../datasets/types.js';
import { UsageError } from '../../errors.js';
import { slotsOf } from '../../session/slots.js';
import { modelNameShape, type McpContext } from '../context.js';
import { distributionOf, distributionShape, modelOf, modelShape } from '../figures.js';
import { Call } from '../progress.js';
import { Room, structured } from '../results.js';

/** Text of one call, in UTF-16 units: beyond, a file is the better place. */
const MOST_TEXT = 2_000_000;
const NOWHERE: Place = { line: 0, column: 0, endLine: 0, endColumn: 0, start: 0, end: 0 };

const message = z.object({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: z.string(),
});
const inputSchema = {
  messages: z.array(message).min(1).max(1000),
  completions: z
    .array(z.string())
    .min(1)
    .max(64)
    .optional()
    .describe(
      'Answers to the messages, to be compared; absent: the messages’ own assistant turns.',
    ),
  turns: z
    .enum(['last', 'all'])
    .default('last')
    .describe('Without completions: which assistant turns are scored.'),
  model: modelNameShape,
};
type Input = z.infer<z.ZodObject<typeof inputSchema>>;

const result = z.object({
  index: z.number().int().describe('Of the completion, or of the message; from 0.'),
  rank: z.number().int().nullable().describe('By left tail, best first, from 1.'),
  error: z.string().optional().describe('Why it has no score.'),
  distribution: z.object(distributionShape).optional(),
});

/** `score_messages`: the distributions of a conversation that is in no file. */
export function addScoreMessages({ server, models }: McpContext): void {
  server.registerTool(
    'score_messages',
    {
      title: 'Score messages',
      description:
        'Scores the assistant turns of a conversation, or several answers to one, with a quantile reward model: for each its whole distribution of rewards, left tail, mean, and which attributes decide. Rewards of one model are comparable with one another only.',
      annotations: { readOnlyHint: true, openWorldHint: false },
      inputSchema,
      outputSchema: {
        model: modelShape,
        results: z.array(result),
        leftOut: z.number().int().describe('Results that had no room.'),
      },
    },
    async (p, extra) => {
      const call = new Call(extra);
      const row = rowOf(p);
      return models.use(p.model, call.signal, call.tell, async (service) => {
        const { info } = service;
        const targets = await service.score(row, slotsOf(row), {
          priority: 10,
          signal: call.signal,
        });
        const all = targets.map(({ conversation, target, result: r }): z.infer<typeof result> => ({
          index: p.completions === undefined ? target : conversation,
          rank: null,
          ...(r.ok ? { distribution: distributionOf(r.score, info) } : { error: r.error }),
        }));
        const tail = (one: (typeof all)[number]) => one.distribution?.tail ?? Number.NaN;
        all
          .filter((one) => one.distribution !== undefined)
          .sort((a, b) => tail(b) - tail(a))
          .forEach((one, n) => (one.rank = n + 1));
        const results = new Room().fit(all);
        return structured({ model: modelOf(info), results, leftOut: all.length - results.length });
      });
    },
  );
}

/** The conversation as a row of a data set has it. @throws UsageError naming the message */
function rowOf({ messages, completions, turns }: Input): DatasetRow {
  const size = [...messages.map((m) => m.content), ...(completions ?? [])].reduce(
    (sum, text) => sum + text.length,
    0,
  );
  if (size > MOST_TEXT)
    throw new UsageError(
      `messages: ${size} characters; expected at most ${MOST_TEXT}; audit_file reads more from a file`,
    );
  const row = { index: 0, place: NOWHERE };
  const n = messages.length;
  if (completions !== undefined) {
    if (messages[n - 1]?.role === 'assistant')
      throw new UsageError(
        `messages[${n - 1}]: an assistant turn; expected completions to answer a user or tool turn`,
      );
    const conversations = completions.map((content, c): Conversation => ({
      kind: 'completion',
      label: `${c}`,
      turns: [...messages, { role: 'assistant', content }],
      targets: [n],
    }));
    return { ...row, conversations };
  }
  const targets = messages.flatMap(({ role }, i) => (role === 'assistant' ? [i] : []));
  const [last] = targets.slice(-1);
  if (last === undefined)
    throw new UsageError('messages: no assistant turn; expected one, or completions to score');
  const wanted = turns === 'all' ? targets : [last];
  return {
    ...row,
    conversations: [{ kind: 'transcript', label: '', turns: messages, targets: wanted }],
  };
}
