import { workspace, type ExtensionContext } from 'vscode';
import { complain } from './tell.js';
import { messageOf, unawaited } from '../../server/src/errors.js';
import { Audits } from './audits.js';
import { registerCommands } from './commands.js';
import { mayHoldData } from './documents/documents.js';
import { registerFindings } from './findings.js';
import { registerMapping } from './documents/mapping.js';
import { registerMcp } from './tool/mcp.js';
import { registerPages } from './documents/pages.js';
import { ParquetEditor } from './documents/parquet-editor.js';
import { registerSample } from './dialogs/sample.js';
import { Server } from './server/server.js';
import { statusItems } from './server/status.js';
import { Training } from './training/train.js';
import { registerUnpacked } from './documents/unpacked.js';
import { Views } from './views/views.js';
import { followScreen } from './documents/visible.js';

let server: Server | undefined;

/** Registers everything; the server starts with the first document that may hold data, or a command. */
export function activate(extension: ExtensionContext): void {
  const context = new Server(extension);
  server = context;
  const audits = new Audits(context);
  const views = new Views(extension, context, audits);
  const training = new Training(extension, context);
  const begin = () =>
    unawaited(context.server(), (error) =>
      complain(`the server does not start: ${messageOf(error)}`),
    );
  const restart = (): void =>
    unawaited(context.restart(), (error) => context.log.error(messageOf(error)));
  extension.subscriptions.push(
    context.log,
    ...followScreen(context),
    ...statusItems(context),
    ...registerCommands(context, audits, views, training),
    training,
    ...views.disposables,
    ...ParquetEditor.register(context),
    registerPages(extension.extensionUri),
    ...registerFindings(context, views),
    ...registerUnpacked(context),
    registerSample(extension.extensionUri),
    ...registerMapping(context),
    ...registerMcp(extension, context),
    workspace.onDidOpenTextDocument((document) => {
      if (context.running() === undefined && mayHoldData(document)) begin();
    }),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration('qrmLens.server.nodePath')) restart();
    }),
    // The server is told of trust when it starts.
    workspace.onDidGrantWorkspaceTrust(() => {
      if (context.running() !== undefined) restart();
    }),
  );
  if (workspace.textDocuments.some(mayHoldData)) begin();
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
