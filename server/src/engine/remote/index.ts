import type { EvaluatorOptions } from '../open.js';
import type { Evaluator } from '../types.js';

/**
 * The evaluator of engines that answer at URLs.
 * @param urls of engines that share the work, http or https
 * @param options `model` names the heads where an engine gives hidden states alone
 * @throws Error naming the URL and what was expected of it; AbortError
 */
export function openRemote(
  urls: readonly [string, ...string[]],
  _options: EvaluatorOptions,
): Promise<Evaluator> {
  return Promise.reject(
    new Error(
      `${urls[0]}: engines at a URL cannot be asked yet; expected a model's folder or name`,
    ),
  );
}
