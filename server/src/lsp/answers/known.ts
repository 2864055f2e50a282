import type { LiveAudit } from '../../live/live-audit.js';
import { nameOf } from '../../live/uris.js';
import type { Workspace } from '../workspace.js';

/**
 * The audit that a view or a command is about. A text that was only just opened has taken the place of its file's
 * audit, and does not have its own yet: that is waited for.
 * @throws Error when there is none
 */
export async function knownAudit(workspace: Workspace, uri: string): Promise<LiveAudit> {
  const audit = await workspace.madeAudit(uri);
  if (audit === undefined) throw new Error(`${nameOf(uri)} is not audited yet`);
  return audit;
}
