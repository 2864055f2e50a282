import { EvaluatorClient, isUrl, type EvaluatorOptions } from './client.js';
import type { Evaluator } from './types.js';

/**
 * The evaluator of a model: in a process of its own, or at the URLs that are given (as `endpoints`, or as
 * the model itself). Without options: the embedded model, on the best device.
 * @throws Error naming what cannot be used and what is expected; AbortError
 */
export async function openEvaluator(options: EvaluatorOptions = {}): Promise<Evaluator> {
  const { endpoints = [], ...here } = options;
  const [first, ...rest] = isUrl(here.model) ? [here.model, ...endpoints] : endpoints;
  if (first !== undefined)
    return (await import('./remote/index.js')).openRemote([first, ...rest], here);
  return EvaluatorClient.open({
    ...here,
    device: here.device ?? 'auto',
    precision: here.precision ?? 'auto',
  });
}
