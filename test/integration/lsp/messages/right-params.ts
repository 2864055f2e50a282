import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { NOTIFICATIONS, REQUESTS } from '../../../../server/src/lsp/params/methods.js';
import { HH } from '../editor/client.js';

export const folder = mkdtempSync(join(tmpdir(), 'qrm-params-'));
export const uri = pathToFileURL(join(folder, 'pairs.jsonl')).href;
export const empty = join(folder, 'empty');
export const at = { line: 0, character: 20 };
export const range = { start: { line: 0, character: 0 }, end: at };
export const textDocument = { uri };
export const response = { uri, epoch: 1, response: 0 };

/** For every method parameters that are right; each field is needed, and is broken in its turn. */
export const RIGHT: Record<keyof typeof REQUESTS | keyof typeof NOTIFICATIONS, unknown> = {
  initialize: { processId: null, capabilities: {} },
  shutdown: undefined,
  'workspace/executeCommand': { command: 'qrmLens.copyDistribution', arguments: [response] },
  'textDocument/hover': { textDocument, position: at },
  'textDocument/codeLens': { textDocument },
  'textDocument/inlayHint': { textDocument, range },
  'textDocument/documentSymbol': { textDocument },
  'textDocument/foldingRange': { textDocument },
  'textDocument/codeAction': { textDocument, range, context: { diagnostics: [] } },
  'textDocument/diagnostic': { textDocument },
  'qrmLens/audit': { uri },
  'qrmLens/cancel': { uri },
  'qrmLens/auditFolder': { uri: pathToFileURL(empty).href },
  'qrmLens/summary': { uri },
  'qrmLens/columns': { uri, epoch: 1, from: 0, limit: 10 },
  'qrmLens/findings': { uri, epoch: 1, from: 0, limit: 10 },
  'qrmLens/texts': { uri, epoch: 1, responses: [0, 1] },
  'qrmLens/problems': { uri, from: 0, limit: 10 },
  'qrmLens/detail': response,
  'qrmLens/spot': response,
  'qrmLens/contributions': { uri, epoch: 1 },
  'qrmLens/policy': { uri },
  'qrmLens/locate': { uri, line: 0, column: 20 },
  'qrmLens/rows': { uri, from: 0, limit: 3 },
  'qrmLens/export': { uri, format: 'json', path: join(folder, 'report.json') },
  'qrmLens/ignore': { ...response, code: 'unscored' },
  'qrmLens/doctor': undefined,
  'qrmLens/devices': undefined,
  'qrmLens/models': undefined,
  'qrmLens/hubModels': undefined,
  'qrmLens/hubCost': { name: 'no-such/name@..' },
  'qrmLens/pullModel': { name: 'no-such/name@..' },
  'qrmLens/clearScores': undefined,
  'qrmLens/clearFindings': { uris: ['untitled:nobody'] },
  'qrmLens/unpack': { uri: pathToFileURL(HH).href },
  initialized: undefined,
  exit: undefined,
  'textDocument/didOpen': {
    textDocument: { uri: 'untitled:x', languageId: 'jsonl', version: 1, text: '' },
  },
  'textDocument/didChange': {
    textDocument: { uri: 'untitled:x', version: 2 },
    contentChanges: [{ range, text: 'x' }],
  },
  'textDocument/didClose': { textDocument: { uri: 'untitled:x' } },
  'workspace/didChangeConfiguration': { settings: null },
  'workspace/didChangeWatchedFiles': undefined,
  'workspace/didRenameFiles': { files: [{ oldUri: 'file:///nobody', newUri: 'file:///none' }] },
  'workspace/didDeleteFiles': { files: [{ uri: 'file:///nobody' }] },
  'workspace/didChangeWorkspaceFolders': { event: { added: [], removed: [] } },
  'qrmLens/visibleRanges': { uri, ranges: [{ from: 0, to: 9 }] },
  'qrmLens/theme': { kind: 'dark' },
  '$/cancelRequest': { id: 'nobody' },
  '$/progress': { token: 'nobody', value: null },
  '$/setTrace': { value: 'off' },
  'window/workDoneProgress/cancel': { token: 'nobody' },
};
/** Read as they come, whatever they are: of another program's making, or of no use. */
export const FREE = new Set(['params.textDocument.languageId', 'params.settings', 'params.value']);

/** Every way to one field, with the value there. */
export function* fields(value: unknown, path = 'params'): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key.includes('.')) continue;
    yield `${path}.${key}`;
    yield* fields(inner, `${path}.${key}`);
  }
}

/** A copy with another value at a field; undefined takes it out. */
export function broken(value: unknown, path: string, other: unknown): unknown {
  const copy = { params: structuredClone(value) } as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() as string;
  const owner = keys.reduce((o, key) => o[key] as Record<string, unknown>, copy);
  if (other === undefined && !Array.isArray(owner)) delete owner[last];
  else owner[last] = other ?? null;
  return copy['params'];
}
