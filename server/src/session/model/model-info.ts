import type { EvaluatorInfo } from '../../engine/types.js';
import type { ModelInfo } from '../../protocol/index.js';

/** What an editor shows of a model. */
export const modelInfo = (info: EvaluatorInfo): ModelInfo => ({
  name: info.modelName,
  hash: info.modelHash,
  precision: info.precision,
  executionProvider: info.executionProvider,
  maxTokens: info.maxTokens,
  attributes: info.spec.attributes,
  levels: info.spec.levels,
});
