import {
  commands,
  Range,
  window,
  workspace,
  WorkspaceEdit,
  type CodeAction,
  type TextEdit,
} from 'vscode';
import { inform } from '../tell.js';
import { CLEAN_KIND } from '../../../server/src/protocol/index.js';

const PREFIX = /^QRM Lens: /;

/** Offers the changes that the file's findings give reason for, and shows the chosen one in the refactor preview. */
export async function clean(): Promise<void> {
  const editor = window.activeTextEditor;
  if (editor === undefined) throw new Error('no text editor is active');
  const { document } = editor;
  const all = new Range(0, 0, document.lineCount, 0);
  const found = await commands.executeCommand<CodeAction[]>(
    'vscode.executeCodeActionProvider',
    document.uri,
    all,
    CLEAN_KIND,
  );
  const actions = (found ?? []).filter((action) => action.edit !== undefined);
  if (actions.length === 0) {
    inform(
      'no finding of this file asks for a change. (Of many files, or of those on disk: qrm clean.)',
    );
    return;
  }
  const items = actions.map((action) => ({ label: action.title.replace(PREFIX, ''), action }));
  const chosen = await window.showQuickPick(items, {
    title: 'QRM Lens: Clean',
    placeHolder:
      'Changes of all rows with a finding; in the preview, tick those to make, then Apply',
  });
  const edit = chosen?.action.edit;
  if (chosen !== undefined && edit !== undefined)
    await workspace.applyEdit(previewed(edit, chosen.label), { isRefactoring: true });
}

/** An edit that came by a command has lost that it is to be confirmed: without, no preview is shown. */
function previewed(edit: WorkspaceEdit, label: string): WorkspaceEdit {
  const confirmed = new WorkspaceEdit();
  const metadata = { label: `QRM Lens: ${label}`, needsConfirmation: true };
  for (const [uri, edits] of edit.entries())
    confirmed.set(uri, edits.map((one): [TextEdit, typeof metadata] => [one, metadata])); // prettier-ignore
  return confirmed;
}
