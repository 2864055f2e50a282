import { REWARD_NAMES } from '../../qrm/index.js';
import type { AppOptions } from '../loaded.js';
import { HttpError } from '../errors.js';
import { seconds, type RouteContext } from './context.js';

const tagged = (summary: string) => ({ schema: { summary, tags: ['Server'] } });

/** What is served, and how it stands. */
export function systemRoutes(
  { app, model }: RouteContext,
  { metrics, loaded, draining, options }: AppOptions,
): void {
  const began = seconds();
  app.get('/health', tagged('Is the process alive?'), () => ({ status: 'ok' }));
  app.get('/ready', tagged('Would work be taken now?'), () => {
    const now = loaded();
    if (now === undefined) throw new HttpError(503, 'the model is being loaded', 1);
    if (draining()) throw new HttpError(503, 'the server is shutting down');
    if (now.scorer.full) throw new HttpError(503, 'the queue is full', 1);
    return { status: 'ready', queue: now.scorer.queue };
  });
  app.get('/metrics', tagged("Figures in Prometheus' format"), async (_request, reply) => {
    void reply.header('content-type', metrics.registry.contentType);
    return metrics.registry.metrics();
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  app.get('/v1/models', tagged('The served model under each of its names'), () => {
    const { info, names } = model();
    const { spec, modelHash, precision, executionProvider, maxTokens } = info;
    return {
      object: 'list',
      data: names.map((id) => ({
        id,
        object: 'model',
        created: began,
        owned_by: 'qrm-lens',
        root: id,
        max_model_len: Math.min(maxTokens, options.maxTokens ?? maxTokens),
        qrm: {
          name: info.modelName,
          hash: modelHash,
          precision,
          execution_provider: executionProvider,
          levels: spec.levels,
          attributes: spec.attributes,
          equal_weights: spec.equalWeights ?? false,
          pooled: spec.pooled ?? false,
          rewards: REWARD_NAMES,
          default_reward: options.reward,
          max_conversations: options.maxConversations,
          max_bytes: options.maxBytes,
          max_queue: options.maxQueue,
        },
      })),
    };
  });
}
