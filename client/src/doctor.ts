import { EventEmitter, Uri, window, workspace, type Disposable } from 'vscode';
import type { Context } from './context.js';
import { request } from './request.js';

const PAGE = Uri.parse('qrm-lens:Doctor.md');
const changed = new EventEmitter<Uri>();
let text = '';

/** The doctor's report as a document that is read-only and asks for no saving. */
export const registerDoctor = (): Disposable =>
  workspace.registerTextDocumentContentProvider(PAGE.scheme, {
    onDidChange: changed.event,
    provideTextDocumentContent: () => text,
  });

export async function showDoctor(context: Context): Promise<void> {
  const client = await context.server();
  ({ markdown: text } = await request(client, 'doctor'));
  changed.fire(PAGE);
  await window.showTextDocument(await workspace.openTextDocument(PAGE), { preview: true });
}
