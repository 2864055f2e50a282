// Logs of which several lines make one conversation, told by their first records.
import type { LogKind } from '../formats.js';
export type { LogKind } from '../formats.js';
import type { RecordNode } from '../json/tree.js';
import { at, has, said } from '../rows/exports/rewrite.js';

const CLAUDE =
  /^(?:user|assistant|system|summary|file-history-snapshot|queue-operation|attachment|progress)$/;

/** The kind of log that a record belongs to; undefined for a record of its own. */
function kindOf(record: RecordNode): LogKind | undefined {
  const type = said(record, 'type') ?? '';
  if (
    has(record, 'payload') &&
    /^(?:session_meta|response_item|event_msg|turn_context|compacted)$/.test(type)
  )
    return 'codex';
  if (
    has(record, 'kind') &&
    has(record, 'v') &&
    said(record, 'kind') === '0' &&
    has(at(record, 'v'), 'requests')
  )
    return 'vscode-chat';
  if (type === 'session' && (has(record, 'harness') || has(record, 'id'))) return 'session-trace';
  if (
    CLAUDE.test(type) &&
    (has(record, 'uuid') || has(record, 'leafUuid') || has(record, 'sessionId'))
  )
    return 'claude-code';
  // Codex of before: a first line about the session, then the items themselves.
  return has(record, 'id', 'timestamp', 'instructions') ? 'codex' : undefined;
}

/** By the first record that tells. */
export function logKind(records: readonly RecordNode[]): LogKind | undefined {
  for (const record of records) {
    const kind = kindOf(record);
    if (kind !== undefined) return kind;
  }
  return undefined;
}
