import * as vscode from 'vscode';
import { EventEmitter, workspace, type Disposable, type ExtensionContext, type Uri } from 'vscode';
import { messageOf } from '../../../server/src/errors.js';
import type { Context } from '../context.js';
import { mcpCommand } from './mcp-command.js';
import { nodePath } from './setup.js';

/** As in package.json, `mcpServerDefinitionProviders`. */
const PROVIDER = 'qrmLens.mcp';

/** What VS Code has from 1.101 on: the types that we build with are older. */
interface StdioServer {
  cwd?: Uri;
  env: Record<string, string>;
}
interface McpApi {
  readonly McpStdioServerDefinition?: new (
    label: string,
    command: string,
    args: string[],
    env: Record<string, string>,
    version: string,
  ) => StdioServer;
  readonly lm?: {
    readonly registerMcpServerDefinitionProvider?: (
      id: string,
      provider: {
        readonly onDidChangeMcpServerDefinitions: vscode.Event<void>;
        provideMcpServerDefinitions(): StdioServer[];
        resolveMcpServerDefinition(server: StdioServer): Promise<StdioServer>;
      },
    ) => Disposable;
  };
}

/** Registers `qrm mcp` with editors that have the API; the editor starts it when an assistant needs it. */
export function registerMcp(extension: ExtensionContext, context: Context): Disposable[] {
  const { McpStdioServerDefinition: Definition, lm } = vscode as unknown as McpApi;
  const register = lm?.registerMcpServerDefinitionProvider;
  if (Definition === undefined || register === undefined) return [];
  const changed = new EventEmitter<void>();
  const { version } = extension.extension.packageJSON as { version: string };
  const provider = {
    onDidChangeMcpServerDefinitions: changed.event,
    provideMcpServerDefinitions: (): StdioServer[] => {
      const command = commandFor(extension);
      if (command === undefined) return [];
      const server = new Definition(
        'QRM Lens',
        command.command,
        command.args,
        command.env,
        version,
      );
      const [first] = folders();
      if (first !== undefined) server.cwd = first;
      return [server];
    },
    resolveMcpServerDefinition: async (server: StdioServer): Promise<StdioServer> => {
      const token = workspace.isTrusted ? await context.token() : undefined;
      if (token !== undefined) server.env['QRM_LENS_TOKEN'] = token;
      return server;
    },
  };
  try {
    return [
      changed,
      register(PROVIDER, provider),
      workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration('qrmLens')) changed.fire();
      }),
      workspace.onDidChangeWorkspaceFolders(() => changed.fire()),
      workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    ];
  } catch (error) {
    // Before 1.101 the API is there and refuses: it was a proposal.
    context.log.info(`no MCP server is registered: ${messageOf(error)}`);
    changed.dispose();
    return [];
  }
}

/** Folders that lie where the extension runs. */
const folders = (): Uri[] =>
  (workspace.workspaceFolders ?? []).flatMap(({ uri }) => (uri.scheme === 'file' ? [uri] : []));

function commandFor(extension: ExtensionContext) {
  const settings = workspace.getConfiguration('qrmLens');
  return mcpCommand({
    folder: extension.extensionUri.fsPath,
    node: nodePath() ?? process.execPath,
    trusted: workspace.isTrusted,
    roots: folders().map(({ fsPath }) => fsPath),
    settings: {
      model: settings.get<string>('model.path', '').trim(),
      endpoint: settings.get<string>('endpoint', '').trim(),
      device: settings.get<string>('device', 'auto'),
      precision: settings.get<string>('precision', 'auto'),
      threads: settings.get<number>('threads', 0),
      store: settings.get<boolean>('store.enabled', true),
    },
  });
}
