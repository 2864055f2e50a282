import type { RewardScore } from '../qrm/types.js';
import { rawScore as ofRow } from '../session/raw-score.js';
import type { ScoreService } from '../session/score-service.js';
import type { LiveAudit } from './live-audit.js';

/** The raw score of an audit's response, as `session` gives it; undefined too when its text is gone. */
export async function rawScore(
  audit: LiveAudit,
  service: ScoreService,
  response: number,
  evaluate: boolean,
): Promise<RewardScore | undefined> {
  const { table } = audit.ledger ?? {};
  const row = await audit.row(response);
  if (row === undefined || table === undefined) return undefined;
  const [conversation, target] = [table.conversation.get(response), table.target.get(response)];
  return ofRow(service, row, { conversation, target }, evaluate);
}
