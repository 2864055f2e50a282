import type {
  CodeActionParams,
  DeleteFilesParams,
  Diagnostic,
  DidChangeTextDocumentParams,
  DidCloseTextDocumentParams,
  DidOpenTextDocumentParams,
  DocumentDiagnosticParams,
  ExecuteCommandParams,
  FileDelete,
  FileRename,
  HoverParams,
  InitializeParams,
  InlayHintParams,
  Position,
  Range,
  RenameFilesParams,
  TextDocumentContentChangeEvent,
  TextDocumentIdentifier,
} from 'vscode-languageserver';
import {
  type AuditFolderParams,
  type AuditParams,
  type ClearFindingsParams,
  CLIENT_COMMANDS,
  type ColumnsParams,
  type ContributionsParams,
  EXPORT_FORMATS,
  type ExportParams,
  FINDING_CODES,
  type FindingsParams,
  type HubModelParams,
  type IgnoreParams,
  type InitOptions,
  type LocateParams,
  METHODS,
  type ProblemsParams,
  type PullModelParams,
  type RequestName,
  type Requests,
  type ResponseParams,
  type RowsParams,
  type TextsParams,
  THEME_KINDS,
  type ThemeParams,
  type UriParams,
  type VisibleRangesParams,
} from '../../protocol/index.js';
import {
  anything,
  count,
  flag,
  integer,
  list,
  maybe,
  name,
  object,
  oneOf,
  processId,
  text,
  token,
  type Check,
} from './check.js';

const position = object<Position>({ line: count, character: count });
const range = object<Range>({ start: position, end: position });
const textDocument = object<TextDocumentIdentifier>({ uri: name });
const ofDocument = object<{ textDocument: TextDocumentIdentifier }>({ textDocument });
const lines = list(object<{ from: number; to: number }>({ from: count, to: count }));
const ofUri = object<UriParams>({ uri: name });
const response = object<ResponseParams>({ uri: name, epoch: count, response: count });

/** The library reads these, and takes what is no token for none. */
type Progress = 'workDoneToken' | 'partialResultToken';
const diagnostic = object<Pick<Diagnostic, 'range' | 'message' | 'source'>>({
  range,
  message: text,
  source: maybe(text),
});
const codeAction = object<Omit<CodeActionParams, Progress>>({
  textDocument,
  range,
  context: object<CodeActionParams['context']>({
    diagnostics: list(diagnostic) as Check<Diagnostic[]>,
    only: maybe(list(text)) as Check<string[] | undefined>,
    triggerKind: maybe(integer) as Check<CodeActionParams['context']['triggerKind']>,
  }),
});
const change = object<{ text: string; range?: Range | undefined }>({
  text,
  range: maybe(range),
}) as Check<TextDocumentContentChangeEvent>;

type Initial = Pick<InitializeParams, 'processId' | 'capabilities' | 'rootUri'> & {
  readonly workspaceFolders?: readonly { readonly uri: string }[] | null | undefined;
  readonly initializationOptions?: InitOptions | undefined;
};
const initialize = object<Initial>({
  processId: maybe(processId) as Check<number | null>,
  capabilities: object<object>({}) as Check<InitializeParams['capabilities']>,
  rootUri: maybe(text) as Check<string | null>,
  workspaceFolders: maybe(list(object<{ uri: string }>({ uri: text }))),
  initializationOptions: maybe(
    object<InitOptions>({
      // Judged field by field where they are merged: a wrong one keeps its default.
      settings: anything as Check<InitOptions['settings']>,
      trusted: maybe(flag),
      theme: maybe(oneOf(THEME_KINDS)),
      docs: maybe(text),
      extension: maybe(flag),
      storeFolder: maybe(name),
    }),
  ),
});

/** Our own requests: each has a check of just its parameters, or this does not compile. */
const OWN: { readonly [N in RequestName]: Check<Requests[N]['params']> } = {
  audit: object<AuditParams>({
    uri: name,
    lines: maybe(lines),
    workDoneToken: maybe(token),
  }),
  cancel: ofUri,
  auditFolder: object<AuditFolderParams>({ uri: name, workDoneToken: maybe(token) }),
  summary: ofUri,
  columns: object<ColumnsParams>({ uri: name, epoch: count, from: count, limit: count }),
  findings: object<FindingsParams>({
    uri: name,
    epoch: count,
    from: count,
    limit: count,
  }),
  problems: object<ProblemsParams>({ uri: name, from: count, limit: count }),
  texts: object<TextsParams>({ uri: name, epoch: count, responses: list(count) }),
  detail: response,
  spot: response,
  policy: ofUri,
  contributions: object<ContributionsParams>({
    uri: name,
    epoch: count,
    responses: maybe(list(count)),
  }),
  locate: object<LocateParams>({ uri: name, line: count, column: count }),
  rows: object<RowsParams>({ uri: name, from: count, limit: count }),
  unpack: ofUri,
  exportReport: object<ExportParams>({
    uri: name,
    format: oneOf(EXPORT_FORMATS),
    path: name,
    workDoneToken: maybe(token),
  }),
  ignore: object<IgnoreParams>({
    uri: name,
    epoch: count,
    response: count,
    code: oneOf(FINDING_CODES),
  }),
  doctor: anything as Check<undefined>,
  devices: anything as Check<undefined>,
  models: anything as Check<undefined>,
  hubModels: anything as Check<undefined>,
  hubCost: object<HubModelParams>({ name }),
  pullModel: object<PullModelParams>({ name, workDoneToken: maybe(token) }),
  clearScores: anything as Check<undefined>,
  clearFindings: object<ClearFindingsParams>({ uris: list(name) }),
};

const commandForm = object<Omit<ExecuteCommandParams, 'workDoneToken'>>({
  command: name,
  arguments: maybe(list(anything)) as Check<unknown[] | undefined>,
});
/** Commands of lenses and actions, with what their one argument must be. */
const COMMANDS = new Map<string, Check<unknown>>([
  [CLIENT_COMMANDS.ignore, OWN.ignore as Check<unknown>],
  [CLIENT_COMMANDS.copyDistribution, response as Check<unknown>],
  [CLIENT_COMMANDS.openDetail, response as Check<unknown>],
]);
const executeCommand: Check<Omit<ExecuteCommandParams, 'workDoneToken'>> = (value, at) => {
  const wrong = commandForm(value, at);
  if (wrong !== undefined) return wrong;
  const { command, arguments: given } = value as ExecuteCommandParams;
  return COMMANDS.get(command)?.(given?.[0], `${at}.arguments[0]`);
};

/** The checks by the requests' names on the wire. */
type ByMethod = { readonly [N in RequestName as (typeof METHODS)[N]]: (typeof OWN)[N] };
const byMethod = (own: typeof OWN): ByMethod =>
  Object.fromEntries(
    Object.entries(own).map(([name, check]) => [METHODS[name as RequestName], check]),
  ) as unknown as ByMethod;

/** Every request that is answered, with what its parameters must be. Any other is unknown to the server. */
export const REQUESTS = {
  initialize,
  shutdown: anything,
  'workspace/executeCommand': executeCommand,
  'textDocument/hover': object<Omit<HoverParams, Progress>>({ textDocument, position }),
  'textDocument/codeLens': ofDocument,
  'textDocument/inlayHint': object<Omit<InlayHintParams, Progress>>({ textDocument, range }),
  'textDocument/documentSymbol': ofDocument,
  'textDocument/foldingRange': ofDocument,
  'textDocument/codeAction': codeAction,
  'textDocument/diagnostic': object<
    Pick<DocumentDiagnosticParams, 'textDocument' | 'previousResultId'>
  >({ textDocument, previousResultId: maybe(text) }),
  ...byMethod(OWN),
} as const;

/** Every notification that is heard. */
export const NOTIFICATIONS = {
  initialized: anything,
  exit: anything,
  'textDocument/didOpen': object<DidOpenTextDocumentParams>({
    textDocument: object<DidOpenTextDocumentParams['textDocument']>({
      uri: name,
      languageId: anything as Check<string>,
      version: integer,
      text,
    }),
  }),
  'textDocument/didChange': object<DidChangeTextDocumentParams>({
    textDocument: object<DidChangeTextDocumentParams['textDocument']>({
      uri: name,
      version: integer,
    }),
    contentChanges: list(change) as Check<TextDocumentContentChangeEvent[]>,
  }),
  'textDocument/didClose': ofDocument as Check<DidCloseTextDocumentParams>,
  'workspace/didChangeConfiguration': object<{ settings: unknown }>({ settings: anything }),
  'workspace/didChangeWatchedFiles': anything,
  'workspace/didRenameFiles': object<RenameFilesParams>({
    files: list(object<FileRename>({ oldUri: name, newUri: name })) as Check<FileRename[]>,
  }),
  'workspace/didDeleteFiles': object<DeleteFilesParams>({
    files: list(object<FileDelete>({ uri: name })) as Check<FileDelete[]>,
  }),
  'workspace/didChangeWorkspaceFolders': object<{
    event: { added: readonly { uri: string }[]; removed: readonly { uri: string }[] };
  }>({
    event: object({
      added: list(object<{ uri: string }>({ uri: text })),
      removed: list(object<{ uri: string }>({ uri: text })),
    }),
  }),
  [METHODS.visibleRanges]: object<VisibleRangesParams>({ uri: name, ranges: lines }),
  [METHODS.theme]: object<ThemeParams>({ kind: oneOf(THEME_KINDS) }),
  // The connection's own.
  '$/cancelRequest': object<{ id: string | number }>({ id: token }),
  '$/progress': object<{ token: string | number; value: unknown }>({ token, value: anything }),
  '$/setTrace': object<{ value: string }>({ value: text }),
  'window/workDoneProgress/cancel': object<{ token: string | number }>({ token }),
} as const;

/** The check of a method; undefined where the server has no such method. */
export const checkOf = (checks: object, method: string): Check<unknown> | undefined =>
  Object.hasOwn(checks, method)
    ? (checks as Readonly<Record<string, Check<unknown>>>)[method]
    : undefined;
