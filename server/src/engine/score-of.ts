import { expectation, mixQuantiles, poolQuantiles } from '../qrm/index.js';
import type { QrmSpec, RewardScore } from '../qrm/types.js';
import type { TargetResult } from './types.js';

/**
 * The score that heads and gate make, whoever ran the backbone.
 * @param attributeQuantiles adjusted, row m*K+k, length M*K
 * @param gate weights, length M
 */
export function scoreOf(
  attributeQuantiles: Float32Array,
  gate: Float32Array,
  { pooled }: Pick<QrmSpec, 'pooled'>,
  { tokens, truncatedTokens }: Pick<RewardScore, 'tokens' | 'truncatedTokens'>,
): TargetResult {
  const mixed = (pooled ? poolQuantiles : mixQuantiles)(attributeQuantiles, gate);
  const mean = expectation(mixed);
  if (!Number.isFinite(mean))
    return { ok: false, error: 'the model gave a score that is not a number' };
  const quantiles = Float32Array.from(mixed);
  const score = { attributeQuantiles, gate, quantiles, expectation: mean, tokens, truncatedTokens };
  return { ok: true, score };
}
