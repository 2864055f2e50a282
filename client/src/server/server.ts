import { ExtensionMode, EventEmitter, Uri, window, workspace, type ExtensionContext } from 'vscode';
import {
  LanguageClient,
  RevealOutputChannelOn,
  TransportKind,
  type LanguageClientOptions,
  type ServerOptions,
} from 'vscode-languageclient/node';
import {
  CODE_PLACE,
  type AuditSummary,
  type InitOptions,
  type StatusParams,
} from '../../../server/src/protocol/index.js';
import type { Context } from '../context.js';
import { SELECTOR } from '../documents/documents.js';
import { themeKind } from '../theme.js';
import { messageOf } from '../../../server/src/errors.js';
import { nodePath, TOKEN } from '../tool/setup.js';
import { hear } from './request.js';

/** The language server: a Node process of its own, started when it is first needed. */
export class Server implements Context {
  readonly log = window.createOutputChannel('QRM Lens', { log: true });
  private readonly changed = new EventEmitter<AuditSummary>();
  private readonly forgotten = new EventEmitter<readonly string[]>();
  private readonly status = new EventEmitter<StatusParams>();
  private readonly summaries = new Map<string, AuditSummary>();
  private client: LanguageClient | undefined;
  private starting: Promise<LanguageClient> | undefined;

  readonly onChanged = this.changed.event;
  readonly onForgotten = this.forgotten.event;
  readonly onStatus = this.status.event;

  constructor(private readonly extension: ExtensionContext) {}

  running(): LanguageClient | undefined {
    return this.client?.isRunning() === true ? this.client : undefined;
  }

  summary(uri: string): AuditSummary | undefined {
    return this.summaries.get(uri);
  }

  server(): Promise<LanguageClient> {
    this.starting ??= this.start().catch((error: unknown) => {
      this.starting = undefined;
      this.log.error(`the server does not start: ${messageOf(error)}`);
      throw error;
    });
    return this.starting;
  }

  private async start(): Promise<LanguageClient> {
    const client = new LanguageClient(
      'qrmLens',
      'QRM Lens',
      await this.serverOptions(),
      this.clientOptions(),
    );
    hear(client, 'changed', (summary) => {
      this.summaries.set(summary.uri, summary);
      this.changed.fire(summary);
    });
    hear(client, 'status', (status) => this.status.fire(status));
    this.client = client;
    await client.start();
    return client;
  }

  private async serverOptions(): Promise<ServerOptions> {
    const module = Uri.joinPath(this.extension.extensionUri, 'dist', 'server.js').fsPath;
    const runtime = nodePath();
    const token = await this.token();
    // The port that .vscode/launch.json attaches to.
    const debugged = this.extension.extensionMode === ExtensionMode.Development;
    return {
      module,
      transport: TransportKind.ipc,
      options: {
        ...(debugged && { execArgv: ['--inspect=6009'] }),
        ...(token !== undefined && { env: { ...process.env, QRM_LENS_TOKEN: token } }),
      },
      ...(runtime !== undefined && { runtime }),
    };
  }

  private clientOptions(): LanguageClientOptions {
    const docs = `command:qrmLens.explainFinding?${encodeURIComponent(JSON.stringify([CODE_PLACE]))}`;
    // The settings come along: else the server begins with the embedded model, whatever they name.
    const settings = JSON.parse(
      JSON.stringify(workspace.getConfiguration('qrmLens')),
    ) as NonNullable<InitOptions['settings']>;
    const init: InitOptions = {
      settings,
      trusted: workspace.isTrusted,
      theme: themeKind(),
      docs,
      extension: true,
    };
    const watcher = workspace.createFileSystemWatcher('**/.qrm-ignore.json');
    this.extension.subscriptions.push(watcher);
    return {
      documentSelector: SELECTOR,
      initializationOptions: init,
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      synchronize: { fileEvents: watcher },
      markdown: { isTrusted: false, supportHtml: false },
    };
  }

  /** Keeps the token of engines where the editor keeps secrets, and goes on with it. */
  async setToken(): Promise<void> {
    const token = await window.showInputBox({
      title: 'QRM Lens: Endpoint Token',
      prompt: 'What the engines of qrmLens.endpoint ask for; empty: none.',
      password: true,
      ignoreFocusOut: true,
    });
    if (token === undefined) return;
    if (token === '') await this.extension.secrets.delete(TOKEN);
    else await this.extension.secrets.store(TOKEN, token);
    await this.restart();
  }

  token(): PromiseLike<string | undefined> {
    return this.extension.secrets.get(TOKEN);
  }

  audited(): readonly string[] {
    return [...this.summaries.keys()];
  }

  forget(uris: readonly string[]): void {
    for (const uri of uris) this.summaries.delete(uri);
    this.forgotten.fire(uris);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.server();
  }

  async stop(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.starting = undefined;
    this.summaries.clear();
    await client?.dispose(5000).catch((error: unknown) => this.log.warn(messageOf(error)));
  }
}
