import type { RewardScore } from '../qrm/types.js';
import type { LiveAudit } from './live-audit.js';
import type { ScoreService } from '../session/score-service.js';
import { slotsOf } from '../session/slots.js';

/**
 * A response's raw score: kept from lately, from the store, or (only if `evaluate`) scored again.
 * Undefined when its text is gone or nothing has it.
 */
export async function rawScore(
  audit: LiveAudit,
  service: ScoreService,
  response: number,
  evaluate: boolean,
): Promise<RewardScore | undefined> {
  const { table } = audit.ledger ?? {};
  const row = await audit.row(response);
  if (row === undefined || table === undefined) return undefined;
  const slot = slotsOf(row).find(
    (s) =>
      s.conversation === table.conversation.get(response) &&
      s.target === table.target.get(response),
  );
  if (slot === undefined) return undefined;
  const known = service.known(slot.hash);
  if (known !== undefined || !evaluate) return known;
  const [target] = await service.score(row, [slot], { priority: 20 });
  return target?.result.ok === true ? target.result.score : undefined;
}
