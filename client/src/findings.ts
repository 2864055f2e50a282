import { commands, window, Uri, type Disposable } from 'vscode';
import { FINDING_CODES, plural } from '../../server/src/protocol/index.js';
import type { Context } from './context.js';
import { findingPage } from './documents/pages.js';
import { request } from './server/request.js';
import type { Views } from './views/views.js';
import { command } from './register.js';
import { target } from './documents/active.js';

/** Clearing of findings, and what they mean. */
export function registerFindings(context: Context, views: Views): Disposable[] {
  const clear = async (uris: readonly string[]) => {
    const client = context.running();
    if (client === undefined) return;
    const cleared = await request(client, 'clearFindings', { uris });
    context.forget(cleared.uris);
    const words = plural(cleared.uris.length, 'file');
    window.setStatusBarMessage(`QRM Lens: findings of ${words} cleared`, 4000);
  };
  const on = (name: string, run: (...args: unknown[]) => Promise<void>) =>
    command(context, name, run);
  return [
    on('clearFindings', (one, all) => clear(chosen(one, all, views))),
    on('clearAllFindings', () => clear(context.audited())),
    on('explainFinding', async (code) => {
      if (!FINDING_CODES.some((known) => known === code)) return;
      await commands.executeCommand('markdown.showPreview', findingPage(code as string));
    }),
  ];
}

/** What the explorer gives, else the dashboard that the user is in, else the file. */
function chosen(one: unknown, all: unknown, views: Views): readonly string[] {
  const given = (Array.isArray(all) ? all : [one]).filter((u): u is Uri => u instanceof Uri);
  if (given.length > 0) return given.map(String);
  const compared = views.activeUris();
  if (compared.length > 0) return compared;
  const uri = target(undefined);
  if (uri === undefined) throw new Error('no file is open whose findings could be cleared');
  return [uri.toString()];
}
