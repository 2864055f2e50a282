import {
  CodeActionKind,
  type CodeAction,
  type CodeActionParams,
  type Diagnostic,
} from 'vscode-languageserver';
import { RULES, type Rule } from '../../audit/index.js';
import type { DiagnosticData } from './diagnostics.js';
import type { OpenAudit } from '../../live/text/open-audit.js';
import type { RowEntry } from '../../live/text/row-entry.js';
import { bulkActions } from './bulk-actions.js';
import { deleteEdit, swapEdits } from './row-edits.js';
import { CLEAN_KIND, CLIENT_COMMANDS } from '../../protocol/index.js';

const isOurs = (d: Diagnostic): d is Diagnostic & { data: DiagnosticData } =>
  d.source === 'QRM Lens' &&
  typeof (d.data as Partial<DiagnosticData> | undefined)?.response === 'number';

const isNoDataset = (d: Diagnostic): boolean =>
  d.source === 'QRM Lens' && (d.data as { noDataset?: true } | undefined)?.noDataset === true;

const mendedBy = (remedy: Rule['remedy']): string[] =>
  RULES.flatMap((rule) => (rule.remedy === remedy ? [rule.code] : []));
const MENDED_BY = { swap: mendedBy('swap'), remove: ['malformed-row', ...mendedBy('remove')] };

/** What can be done about a file that is not understood; the commands are our extension's. */
const other = (audit: OpenAudit, diagnostic: Diagnostic): CodeAction[] =>
  [
    { title: 'Map the fields…', command: 'qrmLens.mapFields' },
    { title: 'Do not audit this file', command: 'qrmLens.excludeFile' },
  ].map(({ title, command }) => ({
    title: `QRM Lens: ${title}`,
    kind: CodeActionKind.QuickFix,
    diagnostics: [diagnostic],
    command: { title, command, arguments: [audit.uri] },
  }));

/** What can be done about a row at the cursor, and about the findings there. */
export function codeActions(
  audit: OpenAudit,
  params: CodeActionParams,
  extension: boolean,
): CodeAction[] {
  const { line, character } = params.range.start;
  const wanted = (kind: string) =>
    params.context.only === undefined || params.context.only.some((k) => kind.startsWith(k));
  if (params.context.only?.some((k) => CLEAN_KIND.startsWith(k) && k.startsWith('source.q')))
    return bulkActions(audit, CLEAN_KIND);
  const entry = audit.entries.at(line);
  const actions: CodeAction[] = [];
  const found = params.context.diagnostics.filter(
    (d) => isOurs(d) && d.data.epoch === audit.epoch,
  ) as (Diagnostic & { data: DiagnosticData })[];
  // Of a file that is no data set no row is deleted: it is another file, or its fields have other names.
  const foreign = params.context.diagnostics.filter(isNoDataset);
  if (entry !== undefined && foreign.length === 0)
    actions.push(
      ...rowActions(audit, entry, params.context.diagnostics).filter((a) => wanted(a.kind ?? '')),
    );
  const codes = new Set(found.map((d) => String(d.code)));
  if (wanted(CodeActionKind.QuickFix) && codes.size > 0)
    actions.push(...bulkActions(audit, CodeActionKind.QuickFix, codes));
  if (extension && wanted(CodeActionKind.QuickFix))
    actions.push(...foreign.flatMap((d) => other(audit, d)));
  if (wanted(CodeActionKind.QuickFix))
    for (const diagnostic of found) {
      const { response, code, epoch } = diagnostic.data;
      actions.push({
        title: `QRM Lens: Ignore this finding (${code})`,
        kind: CodeActionKind.QuickFix,
        diagnostics: [diagnostic],
        command: {
          title: 'Ignore this finding',
          command: CLIENT_COMMANDS.ignore,
          arguments: [{ uri: audit.uri, epoch, response, code }],
        },
      });
    }
  const id = found[0]?.data.response ?? audit.locate(line, character);
  if (id !== undefined && audit.ledger?.table.scored(id) === true) {
    const at = [{ uri: audit.uri, epoch: audit.epoch, response: id }];
    const command = (title: string, name: string): CodeAction => ({
      title: `QRM Lens: ${title}`,
      kind: found.length > 0 ? CodeActionKind.QuickFix : CodeActionKind.Empty,
      command: { title, command: name, arguments: at },
    });
    const shown = found.length > 0 ? wanted(CodeActionKind.QuickFix) : !params.context.only;
    if (shown) {
      actions.push(command('Open in the distribution view', CLIENT_COMMANDS.openDetail));
      actions.push(command('Copy the distribution', CLIENT_COMMANDS.copyDistribution));
    }
  }
  return actions;
}

function rowActions(
  audit: OpenAudit,
  entry: RowEntry,
  diagnostics: readonly Diagnostic[],
): CodeAction[] {
  const actions: CodeAction[] = [];
  const of = (codes: readonly string[]) => {
    const fixed = diagnostics.filter(
      (d) => d.source === 'QRM Lens' && codes.includes(String(d.code)),
    );
    return fixed.length > 0
      ? { kind: CodeActionKind.QuickFix, diagnostics: fixed }
      : { kind: CodeActionKind.RefactorRewrite };
  };
  const swap = entry.isPair ? swapEdits(audit, entry) : undefined;
  if (swap !== undefined)
    actions.push({
      title: 'QRM Lens: Swap chosen and rejected',
      ...of(MENDED_BY.swap),
      edit: { changes: { [audit.uri]: swap } },
    });
  const remove = deleteEdit(audit, entry);
  if (remove !== undefined)
    actions.push({
      title: 'QRM Lens: Delete this row',
      ...of(MENDED_BY.remove),
      edit: { changes: { [audit.uri]: [remove] } },
    });
  return actions;
}
