import type {
  CodeActionParams,
  DocumentDiagnosticParams,
  HoverParams,
  InlayHintParams,
  TextDocumentIdentifier,
} from 'vscode-languageserver';
import { type FindingCode, type InitOptions } from '../protocol/index.js';
import { codeActions } from './features/code-actions.js';
import { hover } from './features/hover.js';
import type { Publisher } from './features/publisher.js';
import {
  codeLenses,
  documentSymbols,
  foldingRanges,
  inlayHints,
} from './features/text-features.js';
import { handlersOf, hear } from './handlers.js';
import type { ServerContext } from './context.js';

interface OfDocument {
  readonly textDocument: TextDocumentIdentifier;
}

/** The protocol's requests about a document. */
export function serveLanguage(
  { connection, workspace, features }: ServerContext,
  publisher: Publisher,
  { theme: first = 'dark', extension = false }: Pick<InitOptions, 'theme' | 'extension'>,
): void {
  const on = handlersOf(connection);
  let theme = first;
  hear(connection, 'theme', ({ kind }) => {
    theme = kind;
  });
  on('textDocument/hover', async ({ textDocument, position }: HoverParams) => {
    const audit = workspace.audit(textDocument.uri);
    if (audit === undefined) return null;
    const told = (response: number, code: FindingCode) =>
      features.diagnostics && publisher.gave(audit.uri, response, code);
    const look = { theme, pictures: extension, markdown: extension || features.markdown };
    return hover(audit, workspace.engine.current, position, look, told);
  });
  on('textDocument/codeLens', ({ textDocument: { uri } }: OfDocument) => {
    const audit = workspace.openAudit(uri);
    return audit && workspace.settings.codeLens.enabled ? codeLenses(audit) : [];
  });
  on('textDocument/inlayHint', ({ textDocument: { uri }, range }: InlayHintParams) => {
    const audit = workspace.openAudit(uri);
    return audit && workspace.settings.inlayHints.enabled ? inlayHints(audit, range) : [];
  });
  on('textDocument/documentSymbol', async ({ textDocument: { uri } }: OfDocument) => {
    const audit = await workspace.readAudit(uri);
    return audit ? documentSymbols(audit) : [];
  });
  on('textDocument/foldingRange', async ({ textDocument: { uri } }: OfDocument) => {
    const audit = await workspace.readAudit(uri);
    return audit ? foldingRanges(audit) : [];
  });
  on('textDocument/codeAction', async (params: CodeActionParams) => {
    // An editor asks once: rows that are still being read would be "No code actions available".
    const audit = await workspace.readAudit(params.textDocument.uri);
    return audit ? codeActions(audit, params, extension) : [];
  });
  on('textDocument/diagnostic', ({ textDocument, previousResultId }: DocumentDiagnosticParams) =>
    publisher.pull(workspace.openAudit(textDocument.uri), previousResultId),
  );
}
