import {
  CodeActionKind,
  TextDocumentSyncKind,
  type ClientCapabilities,
  type InitializeResult,
} from 'vscode-languageserver';
import { CLEAN_KIND, CLIENT_COMMANDS } from '../protocol/index.js';

/** What the client can do, as far as it changes what the server does. */
export interface ClientFeatures {
  /** It pulls diagnostics, and again when told: then those of open documents are not pushed. */
  readonly pulls: boolean;
  /** It shows diagnostics at all, however they reach it. */
  readonly diagnostics: boolean;
  readonly related: boolean;
  readonly configuration: boolean;
  /** It lets the server ask to be told of changed settings. */
  readonly registersConfiguration: boolean;
  /** It opens a document that the server names. */
  readonly showsDocuments: boolean;
  readonly folders: boolean;
  readonly progress: boolean;
  readonly lensRefresh: boolean;
  readonly hintRefresh: boolean;
  readonly markdown: boolean;
}

export function featuresOf(c: ClientCapabilities): ClientFeatures {
  const { workspace, textDocument, window } = c;
  return {
    pulls:
      textDocument?.diagnostic !== undefined && workspace?.diagnostics?.refreshSupport === true,
    diagnostics:
      textDocument?.publishDiagnostics !== undefined || textDocument?.diagnostic !== undefined,
    related:
      (textDocument?.publishDiagnostics?.relatedInformation ??
        textDocument?.diagnostic?.relatedDocumentSupport) === true,
    configuration: workspace?.configuration === true,
    registersConfiguration: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    showsDocuments: window?.showDocument?.support === true,
    folders: workspace?.workspaceFolders === true,
    progress: window?.workDoneProgress === true,
    lensRefresh: workspace?.codeLens?.refreshSupport === true,
    hintRefresh: workspace?.inlayHint?.refreshSupport === true,
    markdown: textDocument?.hover?.contentFormat?.includes('markdown') === true,
  };
}

const EVERY_FILE = { filters: [{ scheme: 'file', pattern: { glob: '**/*' } }] };

export const serverResult = (
  features: ClientFeatures,
  version: string,
  extension: boolean,
): InitializeResult => ({
  serverInfo: { name: 'qrm-lens', version },
  capabilities: {
    textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
    hoverProvider: true,
    codeLensProvider: { resolveProvider: false },
    inlayHintProvider: true,
    documentSymbolProvider: true,
    foldingRangeProvider: true,
    codeActionProvider: {
      codeActionKinds: [CodeActionKind.QuickFix, CodeActionKind.RefactorRewrite, CLEAN_KIND],
    },
    // The extension has the commands itself, and its client would register them a second time.
    ...(!extension && { executeCommandProvider: { commands: Object.values(CLIENT_COMMANDS) } }),
    ...(features.pulls && {
      diagnosticProvider: {
        identifier: 'qrm-lens',
        interFileDependencies: false,
        workspaceDiagnostics: false,
      },
    }),
    workspace: {
      workspaceFolders: { supported: true, changeNotifications: true },
      fileOperations: { didRename: EVERY_FILE, didDelete: EVERY_FILE },
    },
  },
});
