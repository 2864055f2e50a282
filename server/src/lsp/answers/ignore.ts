import { pathOf } from '../../live/uris.js';
import type { IgnoreParams, IgnoreResult } from '../../protocol/index.js';
import { knownAudit } from './known.js';
import type { Workspace } from '../workspace.js';

/** Writes a finding into the ignore file of its folder, and judges all audits anew. */
export async function ignoreFinding(workspace: Workspace, p: IgnoreParams): Promise<IgnoreResult> {
  const found = await knownAudit(workspace, p.uri);
  const path = pathOf(p.uri);
  if (path === undefined) throw new Error(`${p.uri} has no folder for an ignore file`);
  if (p.epoch !== found.epoch || found.ledger?.alive(p.response) !== true)
    throw new Error('this response is no longer in the document');
  const file = await workspace.ignore.add(path, found.ledger.table.hash(p.response), p.code);
  workspace.judge();
  return { path: file };
}
