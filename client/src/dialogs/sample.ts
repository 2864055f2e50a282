import { readFile } from 'node:fs/promises';
import { commands, Uri, window, workspace, type Disposable } from 'vscode';

/** The walkthrough's data set, as a document that is nobody's file: edits and quick fixes can be tried. */
export const registerSample = (extension: Uri): Disposable =>
  commands.registerCommand('qrmLens.openSample', async () => {
    const file = Uri.joinPath(extension, 'client', 'media', 'walkthrough', 'sample.jsonl').fsPath;
    const content = await readFile(file, 'utf8');
    const document = await workspace.openTextDocument({ language: 'jsonl', content });
    await window.showTextDocument(document, { preview: false });
  });
