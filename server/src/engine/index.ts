import { EvaluatorClient } from './client.js';
import type { ClientOptions } from './client.js';
import type { Evaluator } from './types.js';

export type * from './types.js';
export type { Device, Provider } from './messages.js';
export type { ClientOptions } from './client.js';

/**
 * Opens a model in a process of its own. Without options: the embedded model, on the best device.
 * @throws Error naming what cannot be used and what is expected; AbortError
 */
export async function openEvaluator(options: Partial<ClientOptions> = {}): Promise<Evaluator> {
  return EvaluatorClient.open({
    ...options,
    device: options.device ?? 'auto',
    precision: options.precision ?? 'auto',
  });
}
