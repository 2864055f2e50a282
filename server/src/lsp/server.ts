import {
  CodeLensRefreshRequest,
  DidChangeConfigurationNotification,
  InlayHintRefreshRequest,
  MessageType,
  ShowMessageNotification,
  type Connection,
  type InitializeParams,
} from 'vscode-languageserver';
import { type InitOptions } from '../protocol/index.js';
import type { ServerContext } from './context.js';
import { featuresOf, serverResult } from './capabilities.js';
import type { LiveAudit } from '../live/live-audit.js';
import { OpenAudit } from '../live/text/open-audit.js';
import { Publisher } from './features/publisher.js';
import { followRenames } from './answers/renames.js';
import { serveCommands } from './commands.js';
import { serveRequests } from './requests.js';
import { serveLanguage } from './language.js';
import type { Guard } from './params/guard.js';
import { AuditProgress } from './progress/audit-progress.js';
import { reportProgress } from './progress/progress-report.js';
import { Throttle } from '../live/throttle.js';
import { pathOf, shownUri } from '../live/uris.js';
import { Workspace, type WorkspaceEvents } from './workspace.js';
import { messageOf } from '../errors.js';
import { tell } from './handlers.js';

/** Beside the bundle, in the repository as in the extension. */
const DOCS = new URL('../docs/findings.md', import.meta.url).href;

/** Serves one client over a connection; nothing starts before `initialize`. */
export function serve(connection: Connection, guard: Guard, version: string, script: URL): void {
  let context: ServerContext | undefined;
  let publisher: Publisher | undefined;
  guard.attach(connection);
  const ask = ({ method }: { method: string }): void => {
    connection.sendRequest(method).catch(gone);
  };
  const log = (message: string) => connection.console.info(message);
  /** Nobody is there to be told. */
  const gone = () => undefined;

  connection.onInitialize((params: InitializeParams) => {
    const init = (params.initializationOptions ?? {}) as InitOptions;
    const features = featuresOf(params.capabilities);
    const status = new Throttle<string>(250, () => {
      tell(connection, 'status', workspace.engine.status());
    });
    const changed = new Throttle<LiveAudit>(150, (audit) => {
      // One that was replaced meanwhile would be taken for the one of now.
      if (!audit.disposed) tell(connection, 'changed', audit.summary());
    });
    const refresh = new Throttle<string>(1000, () => {
      if (features.lensRefresh) ask(CodeLensRefreshRequest.type);
      if (features.hintRefresh && workspace.settings.inlayHints.enabled)
        ask(InlayHintRefreshRequest.type);
    });
    const progress = new AuditProgress(
      (title, state) =>
        reportProgress(connection, { title, token: undefined, ownToken: features.progress }, state),
      () => workspace.engine.status(),
    );
    const events: WorkspaceEvents = {
      changed: (audit) => {
        progress.changed(audit);
        changed.call(audit);
        status.call('');
      },
      found: (audit) => {
        if (workspace.shows(audit)) publisher?.update(audit, workspace.isOpen(audit.uri));
        changed.call(audit);
        refresh.call('');
      },
      cleared: (uri) => publisher?.clear(uri),
      dropped: (uri) => {
        publisher?.retract(uri);
        refresh.call('');
      },
      status: () => status.call(''),
      log,
      warn: (message) => {
        connection.console.warn(message);
        const shown = { type: MessageType.Warning, message: `QRM Lens: ${message}` };
        connection.sendNotification(ShowMessageNotification.type, shown).catch(gone);
      },
    };
    const ownMapping = (scopeUri: string) =>
      connection.workspace
        .getConfiguration({ scopeUri, section: 'qrmLens.mapping' })
        .catch((error: unknown) => log(`qrmLens.mapping: ${messageOf(error)}`));
    const workspace: Workspace = new Workspace(
      init,
      version,
      events,
      features.configuration ? ownMapping : undefined,
    );
    const shown = init.extension === true ? shownUri : (uri: string) => uri;
    const options = (audit: LiveAudit) => ({
      max: Math.max(1, workspace.settings.maxDiagnostics),
      docs: init.docs ?? DOCS,
      visible: audit instanceof OpenAudit ? audit.visibleRanges : [],
      related: features.related,
      uri: shown(audit.uri),
    });
    publisher = new Publisher(connection, features.pulls, options, shown);
    const folders = params.workspaceFolders?.map((f) => f.uri) ?? [params.rootUri ?? ''];
    workspace.ignore.roots = folders.flatMap((uri) => pathOf(uri) ?? []);
    context = { connection, workspace, features, progress, version, script };
    serveRequests(context);
    serveLanguage(context, publisher, init);
    if (init.extension !== true) serveCommands(context);
    return serverResult(features, version, init.extension === true);
  });

  const apply = ({ workspace, features }: ServerContext, value: unknown) => {
    const { inlayHints, codeLens } = workspace.settings;
    workspace.configure(value);
    // An editor that is not told asks again only after the next edit.
    const now = workspace.settings;
    if (features.hintRefresh && now.inlayHints.enabled !== inlayHints.enabled)
      ask(InlayHintRefreshRequest.type);
    if (features.lensRefresh && now.codeLens.enabled !== codeLens.enabled)
      ask(CodeLensRefreshRequest.type);
  };
  const configure = async () => {
    if (context?.features.configuration !== true) return;
    apply(context, await connection.workspace.getConfiguration('qrmLens'));
  };
  connection.onInitialized(() => {
    if (context?.features.registersConfiguration === true)
      connection.client
        .register(DidChangeConfigurationNotification.type, { section: 'qrmLens' })
        .catch((error: unknown) => log(`settings: ${messageOf(error)}`));
    configure().catch((error: unknown) => log(`settings: ${messageOf(error)}`));
    if (context?.features.folders === true)
      connection.workspace.onDidChangeWorkspaceFolders(async () => {
        const folders = (await connection.workspace.getWorkspaceFolders()) ?? [];
        if (context === undefined) return;
        context.workspace.ignore.roots = folders.flatMap((f) => pathOf(f.uri) ?? []);
        context.workspace.ignore.forget();
        context.workspace.judge();
      });
  });
  connection.onDidChangeConfiguration(({ settings }) => {
    const given = (settings as { qrmLens?: unknown } | null)?.qrmLens;
    if (context?.features.configuration === false && given !== undefined) apply(context, given);
    else configure().catch((error: unknown) => log(`settings: ${messageOf(error)}`));
  });
  connection.onDidChangeWatchedFiles(() => {
    context?.workspace.ignore.forget();
    context?.workspace.judge();
  });

  connection.workspace.onDidRenameFiles(({ files }) => {
    if (context) followRenames(context.workspace, files, log);
  });
  connection.workspace.onDidDeleteFiles(
    ({ files }) => void context?.workspace.clear(files.map(({ uri }) => uri)),
  );

  connection.onDidOpenTextDocument(({ textDocument: { uri, version: v, text } }) =>
    context?.workspace.didOpen(uri, v, text),
  );
  connection.onDidChangeTextDocument(({ textDocument: { uri, version: v }, contentChanges }) =>
    context?.workspace.didChange(uri, v, contentChanges),
  );
  connection.onDidCloseTextDocument(({ textDocument: { uri } }) =>
    context?.workspace.didClose(uri),
  );

  connection.onShutdown(() => context?.workspace.dispose());
  connection.onExit(() => process.exit(0));
  connection.listen();
}
