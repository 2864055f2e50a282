import { isText, shownText, type FieldMapping } from '../../datasets/index.js';
import { detectFile, readDataset, rowCount } from '../../datasets/process/index.js';
import type { LiveAudit } from '../../live/live-audit.js';
import { paced } from '../../pace.js';
import { pathOf } from '../../live/uris.js';
import { viewFindings } from '../../live/view-data.js';
import type { RowsParams, RowsResult, RowTurn } from '../../protocol/index.js';

const MAX_ROWS = 500;
const MAX_CONTENT = 20_000;
type Score = NonNullable<RowTurn['score']>;

/**
 * Rows of a file that has no text in an editor, with the scores of its responses.
 * @param audit of the file, where it has one
 */
export async function rows(
  { uri, from, limit }: RowsParams,
  given: FieldMapping | undefined,
  audit: LiveAudit | undefined,
): Promise<RowsResult> {
  const path = pathOf(uri);
  if (path === undefined) throw new Error(`${uri}: only files of this machine can be read`);
  const to = from + Math.min(limit, MAX_ROWS);
  const out: RowsResult['rows'][number][] = [];
  const { format, mapping } = await detectFile(path, given);
  const reading = { ...(mapping && { mapping }), start: { row: from } };
  const total = format && !isText(format.container) ? await rowCount(path) : null;
  const scores = audit === undefined ? undefined : scoresOf(audit, from, to);
  for await (const event of paced(readDataset({ path }, reading))) {
    const index = event.type === 'row' ? event.row.index : (event.problem.index ?? from);
    if (index >= to) break;
    if (event.type === 'problem') {
      out.push({ row: index, conversations: [], problem: event.problem.message });
      continue;
    }
    const conversations = event.row.conversations.map(({ kind, label, turns }, c) => ({
      kind,
      label,
      turns: turns.map((turn, t) => {
        const score = scores?.get(key(index, c, t));
        const content = shownText(turn).slice(0, MAX_CONTENT);
        return { role: turn.role, content, ...(score && { score }) };
      }),
    }));
    out.push({ row: index, conversations });
  }
  return { total, rows: out };
}

const key = (row: number, conversation: number, turn: number): string =>
  [row, conversation, turn].join(' ');

/** The scores of the rows [from, to), by row, conversation and turn. */
function scoresOf(audit: LiveAudit, from: number, to: number): Map<string, Score> {
  const found = new Map<string, Score>();
  const { table } = audit.ledger ?? {};
  if (table === undefined) return found;
  // Responses of a file are numbered in the order of its rows.
  let [low, high] = [0, table.length];
  while (low < high) {
    const mid = (low + high) >> 1;
    if (audit.rowNumber(mid) < from) low = mid + 1;
    else high = mid;
  }
  for (let id = low; id < table.length && audit.rowNumber(id) < to; id++) {
    if (!table.scored(id)) continue;
    found.set(key(audit.rowNumber(id), table.conversation.get(id), table.target.get(id)), {
      tail: table.tail.get(id),
      expectation: table.expectation.get(id),
      findings: viewFindings(audit, id),
    });
  }
  return found;
}
