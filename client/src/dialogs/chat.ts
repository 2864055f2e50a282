import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands, Uri, window, workspace } from 'vscode';

/**
 * The open chat as a file. VS Code's own export writes it; where its command takes no path it asks
 * the user for one, and the file is then asked for here.
 */
export async function auditOpenChat(): Promise<Uri | undefined> {
  const known = await commands.getCommands(true);
  if (!known.includes('workbench.action.chat.export'))
    throw new Error('this editor has no chat to export');
  const folder = await mkdtemp(join(tmpdir(), 'qrm-lens-chat-'));
  const file = Uri.file(join(folder, 'chat.json'));
  await commands.executeCommand('workbench.action.chat.export', file);
  if (await exists(file)) return file;
  const chosen = await window.showOpenDialog({
    title: 'QRM Lens: the chat that was just exported',
    filters: { 'Chat export': ['json'] },
  });
  return chosen?.[0];
}

async function exists(file: Uri): Promise<boolean> {
  return workspace.fs.stat(file).then(
    () => true,
    () => false,
  );
}
