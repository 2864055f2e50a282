import type { CodeAction, CodeActionKind, TextEdit, WorkspaceEdit } from 'vscode-languageserver';
import { count, FINDING_CODES, FINDING_SEVERITIES } from '../../protocol/index.js';
import type { FindingCode } from '../../protocol/index.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import type { RowEntry } from '../../live/text/row-entry.js';
import { deleteEdits, swapEdits } from './row-edits.js';

/** What a bulk action is called, and which findings' rows it is about. */
const REMOVALS: readonly (readonly [FindingCode, string])[] = [
  ['duplicate-response', 'Delete all duplicates of this file'],
  ['low-left-tail', 'Delete all rows with a low left tail'],
  ['contradictory-pair', 'Delete all contradictory pairs'],
  ['unscored', 'Delete all rows without a score'],
];

/** The rows that have a finding of the code; for duplicates, those of which every response is one. */
function rowsWith(audit: OpenAudit, code: FindingCode): RowEntry[] {
  const { findings, ledger } = audit;
  if (findings === undefined || ledger === undefined) return [];
  const at = FINDING_CODES.indexOf(code);
  const ids = new Set<number>();
  for (let n = 0; n < findings.size; n++)
    // A rejected response is expected to be poor: that is information, and no reason to delete its pair.
    if (findings.code(n) === at && FINDING_SEVERITIES[findings.severity(n)] !== 'info') {
      const id = findings.response(n);
      const same = code === 'duplicate-response' && findings.at(n)?.related;
      // Within one row, the copy is the row's own other half.
      if (
        same !== undefined &&
        typeof same === 'number' &&
        ledger.table.row.get(same) === ledger.table.row.get(id)
      )
        continue;
      ids.add(id);
    }
  const rows: RowEntry[] = [];
  for (const entry of audit.entries.all()) {
    if (entry.dead || entry.ids.length === 0) continue;
    const has = code === 'duplicate-response' ? entry.ids.every((id) => ids.has(id)) : entry.ids.some((id) => ids.has(id)); // prettier-ignore
    if (has) rows.push(entry);
  }
  return rows;
}

/** One edit that the editor shows before it is made: VS Code opens its refactor preview. */
function previewed(audit: OpenAudit, edits: readonly TextEdit[], label: string): WorkspaceEdit {
  const id = 'qrm-lens';
  return {
    documentChanges: [
      {
        textDocument: { uri: audit.uri, version: audit.document.version },
        edits: edits.map((edit) => ({ ...edit, annotationId: id })),
      },
    ],
    changeAnnotations: { [id]: { label: `QRM Lens: ${label}`, needsConfirmation: true } },
  };
}

/**
 * Changes of all rows with a finding.
 * @param codes only those about these findings; undefined: all that the file gives reason for
 */
export function bulkActions(
  audit: OpenAudit,
  kind: CodeActionKind,
  codes?: ReadonlySet<string>,
): CodeAction[] {
  const actions: CodeAction[] = [];
  const add = (title: string, rows: number, edits: readonly TextEdit[]): void => {
    if (edits.length === 0) return;
    const label = `${title} (${count(rows)})`;
    actions.push({ title: `QRM Lens: ${label}`, kind, edit: previewed(audit, edits, label) });
  };
  if (codes === undefined || codes.has('inverted-pair')) {
    const swaps = rowsWith(audit, 'inverted-pair').flatMap((entry) => {
      const edits = swapEdits(audit, entry);
      return edits === undefined ? [] : [edits];
    });
    add('Swap all inverted pairs of this file', swaps.length, swaps.flat());
  }
  for (const [code, title] of REMOVALS) {
    if (codes !== undefined && !codes.has(code)) continue;
    const rows = rowsWith(audit, code);
    if (rows.length > 0) add(title, rows.length, deleteEdits(audit, rows));
  }
  return actions;
}
