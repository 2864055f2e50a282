import type { DatasetRow } from '../datasets/types.js';
import type { RewardScore } from '../qrm/types.js';
import type { ScoreService } from './score-service.js';
import { slotsOf } from './slots.js';

/** Which response of a row: its conversation and its turn. */
export interface ResponsePosition {
  readonly conversation: number;
  readonly target: number;
}

/**
 * The raw score (every attribute's quantiles and the gate) of one response of a row, without any audit:
 * kept from lately, from the store, or (only if `evaluate`) scored.
 * @returns undefined when the row has no such response, or nothing has its score
 * @throws AbortError; what the evaluator throws
 */
export async function rawScore(
  service: ScoreService,
  row: DatasetRow,
  { conversation, target }: ResponsePosition,
  evaluate: boolean,
): Promise<RewardScore | undefined> {
  const slot = slotsOf(row).find((s) => s.conversation === conversation && s.target === target);
  if (slot === undefined) return undefined;
  const known = service.known(slot.hash);
  if (known !== undefined || !evaluate) return known;
  const [scored] = await service.score(row, [slot], { priority: 20 });
  return scored?.result.ok === true ? scored.result.score : undefined;
}
