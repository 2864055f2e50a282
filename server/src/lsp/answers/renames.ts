import { messageOf, unawaited } from '../../errors.js';
import { DiskAudit } from '../../live/disk/disk-audit.js';
import { isWithin } from '../../live/uris.js';
import type { Workspace } from '../workspace.js';

/** Files have another name now: what was audited on disk is audited there, from the score store. */
export function followRenames(
  workspace: Workspace,
  files: readonly { readonly oldUri: string; readonly newUri: string }[],
  log: (message: string) => void,
): void {
  for (const { oldUri, newUri } of files) {
    const moved = workspace.all().filter((a) => a instanceof DiskAudit && isWithin(a.uri, oldUri));
    const again = moved.filter(({ state }) => state === 'running' || state === 'done');
    workspace.clear([oldUri]);
    for (const { uri } of again)
      unawaited(
        workspace.require(newUri + uri.slice(oldUri.length)).then((audit) => audit.run()),
        (error) => log(`${newUri}: ${messageOf(error)}`),
      );
  }
}
