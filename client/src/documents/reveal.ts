import { commands, Range, TextEditorRevealType, Uri, ViewColumn, window, workspace } from 'vscode';
import type { ResponseRef, RowSpot } from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { request } from '../server/request.js';
import { unpackedUri } from './unpacked.js';
import { containerOfName, isText } from '../../../server/src/datasets/formats.js';

/** Shows a response in its text, or its row where the file has none. */
export async function reveal(context: Context, ref: ResponseRef, focus: boolean): Promise<void> {
  const client = await context.server();
  const spot = await request(client, 'spot', ref);
  if (spot !== null) await revealPlace(ref.uri, spot, focus);
}

/** Shows a place of a file in its text, or its row where the file has none. */
export async function revealPlace(of: string, spot: RowSpot, focus: boolean): Promise<void> {
  const file = Uri.parse(of);
  const uri = unpackedUri(file) ?? file;
  const container = containerOfName(uri.path);
  if (container !== undefined && !isText(container)) {
    await commands.executeCommand('qrmLens.showParquetRow', uri, spot.row);
    return;
  }
  const range = new Range(spot.line, spot.column, spot.endLine, spot.endColumn);
  const shown = window.visibleTextEditors.find((e) => e.document.uri.toString() === uri.toString());
  const viewColumn = shown?.viewColumn ?? ViewColumn.One;
  try {
    const document = await workspace.openTextDocument(uri);
    const editor = await window.showTextDocument(document, {
      viewColumn,
      preserveFocus: !focus,
      selection: range,
    });
    editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
  } catch (error) {
    if (uri !== file) throw error;
    // Above 50 MB extensions get no document, but the editor shows the file.
    await commands.executeCommand('vscode.open', uri, {
      viewColumn,
      preserveFocus: !focus,
      selection: range,
    });
  }
}
