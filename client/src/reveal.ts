import { commands, Range, TextEditorRevealType, Uri, ViewColumn, window, workspace } from 'vscode';
import type { Context } from './context.js';
import { hasNoText } from './documents.js';
import { request } from './request.js';

export interface ResponseRef {
  readonly uri: string;
  readonly epoch: number;
  readonly response: number;
}

/** Shows a response in its text, or its row where the file has none. */
export async function reveal(context: Context, ref: ResponseRef, focus: boolean): Promise<void> {
  const client = await context.server();
  const spot = await request(client, 'spot', ref);
  if (spot === null) return;
  const uri = Uri.parse(ref.uri);
  if (/\.parquet$/i.test(uri.path)) {
    await commands.executeCommand('qrmLens.showParquetRow', uri, spot.row);
    return;
  }
  if (hasNoText(uri)) return;
  const range = new Range(spot.line, spot.column, spot.endLine, spot.endColumn);
  const shown = window.visibleTextEditors.find((e) => e.document.uri.toString() === ref.uri);
  const viewColumn = shown?.viewColumn ?? ViewColumn.One;
  try {
    const document = await workspace.openTextDocument(uri);
    const editor = await window.showTextDocument(document, {
      viewColumn,
      preserveFocus: !focus,
      selection: range,
    });
    editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
  } catch {
    // Above 50 MB extensions get no document, but the editor shows the file.
    await commands.executeCommand('vscode.open', uri, {
      viewColumn,
      preserveFocus: !focus,
      selection: range,
    });
  }
}
