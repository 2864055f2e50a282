import { window, workspace } from 'vscode';
import type { Context } from '../context.js';
import { DOCTOR, setDoctor } from '../documents/pages.js';
import { request } from '../server/request.js';

/** The doctor's report as a document that is read-only and asks for no saving. */
export async function showDoctor(context: Context): Promise<void> {
  const client = await context.server();
  setDoctor((await request(client, 'doctor')).markdown);
  await window.showTextDocument(await workspace.openTextDocument(DOCTOR), { preview: true });
}
