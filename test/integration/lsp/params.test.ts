import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  StreamMessageReader,
  StreamMessageWriter,
  type Message,
  type ResponseMessage,
} from 'vscode-languageserver-protocol/node.js';
import type { NOTIFICATIONS } from '../../../server/src/lsp/params/methods.js';
import { REQUESTS } from '../../../server/src/lsp/params/methods.js';
import { HH, MODEL, root } from './client.js';
import { hhLines } from './hh.js';

const INVALID = -32602;
const NOT_FOUND = -32601;
const INTERNAL = -32603;

/** Messages as they are, without a client's library that would mend them. */
class Wire {
  readonly logs: string[] = [];
  private readonly child: ChildProcess;
  private readonly writer: StreamMessageWriter;
  private readonly waiting = new Map<unknown, (response: ResponseMessage) => void>();
  private next = 0;
  ended: string | undefined;

  constructor() {
    this.child = spawn(process.execPath, [join(root, 'dist/server.js'), '--stdio'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      // No name that a test makes up is asked for.
      env: { ...process.env, HF_HUB_OFFLINE: '1' },
    });
    const { stdin, stdout } = this.child;
    if (stdin === null || stdout === null) throw new Error('no streams');
    stdin.on('error', () => undefined);
    this.writer = new StreamMessageWriter(stdin);
    this.child.once('exit', (code, signal) => {
      this.ended = `the server ended (${signal ?? code})`;
      for (const answer of this.waiting.values())
        answer({ jsonrpc: '2.0', id: null, error: { code: 0, message: this.ended } });
    });
    new StreamMessageReader(stdout).listen((message) => {
      const { id, method, params } = message as Message & {
        id?: unknown;
        method?: string;
        params?: { message: string };
      };
      if (method === 'window/logMessage') this.logs.push(params?.message ?? '');
      if (method === undefined) this.waiting.get(id)?.(message as ResponseMessage);
      else if (id !== undefined) this.write({ id, result: null }).catch(() => undefined);
    });
  }

  private write(message: object): Promise<void> {
    return this.writer.write({ jsonrpc: '2.0', ...message } as Message);
  }

  /** @param params undefined leaves them out */
  request(method: string, params: unknown): Promise<ResponseMessage> {
    const id = `wire-${this.next++}`;
    const answer = new Promise<ResponseMessage>((resolve) => this.waiting.set(id, resolve));
    const sent = this.write({ id, method, ...(params !== undefined && { params }) });
    return sent.then(() => answer).finally(() => this.waiting.delete(id));
  }

  notify(method: string, params: unknown): Promise<void> {
    return this.write({ method, ...(params !== undefined && { params }) });
  }

  bytes(text: string): void {
    this.child.stdin?.write(text);
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'qrm-params-'));
const uri = pathToFileURL(join(folder, 'pairs.jsonl')).href;
const empty = join(folder, 'empty');
const at = { line: 0, character: 20 };
const range = { start: { line: 0, character: 0 }, end: at };
const textDocument = { uri };
const response = { uri, epoch: 1, response: 0 };

/** For every method parameters that are right; each field is needed, and is broken in its turn. */
const RIGHT: Record<keyof typeof REQUESTS | keyof typeof NOTIFICATIONS, unknown> = {
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
const FREE = new Set(['params.textDocument.languageId', 'params.settings', 'params.value']);

/** Every way to one field, with the value there. */
function* fields(value: unknown, path = 'params'): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key.includes('.')) continue;
    yield `${path}.${key}`;
    yield* fields(inner, `${path}.${key}`);
  }
}

/** A copy with another value at a field; undefined takes it out. */
function broken(value: unknown, path: string, other: unknown): unknown {
  const copy = { params: structuredClone(value) } as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() as string;
  const owner = keys.reduce((o, key) => o[key] as Record<string, unknown>, copy);
  if (other === undefined && !Array.isArray(owner)) delete owner[last];
  else owner[last] = other ?? null;
  return copy['params'];
}

const methods = Object.keys(RIGHT) as (keyof typeof RIGHT)[];
const requests = methods.filter((m) => Object.hasOwn(REQUESTS, m));
const notifications = methods.filter((m) => !Object.hasOwn(REQUESTS, m));
/** Not asked in passing: they end the session, begin it, or look at the whole machine. */
const ONCE = new Set<string>(['initialize', 'shutdown', 'exit', 'qrmLens/auditFolder']);

/** With parameters that can be wrong, and asked as often as one likes. */
const asked = requests.filter((m) => !ONCE.has(m) && RIGHT[m] !== undefined);

let wire: Wire;
async function start(): Promise<Wire> {
  const begun = new Wire();
  const initialized = await begun.request('initialize', {
    processId: null,
    rootUri: pathToFileURL(folder).href,
    capabilities: {},
    initializationOptions: {
      storeFolder: join(folder, 'store'),
      settings: { model: { path: MODEL }, threads: 1 },
    },
  });
  expect(initialized.error).toBeUndefined();
  await begun.notify('initialized', {});
  return begun;
}

beforeAll(async () => {
  const text = hhLines(6, 600).join('\n');
  writeFileSync(join(folder, 'pairs.jsonl'), text);
  wire = await start();
  const opened = { uri, languageId: 'jsonl', version: 1, text };
  await wire.notify('textDocument/didOpen', { textDocument: opened });
  expect((await wire.request('qrmLens/audit', { uri })).error).toBeUndefined();
});
afterAll(() => {
  wire.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The server answers, and the text that it holds is untouched. */
async function sound(): Promise<void> {
  expect(wire.ended).toBeUndefined();
  const { error, result } = await wire.request('qrmLens/summary', { uri });
  expect(error).toBeUndefined();
  expect(result).toMatchObject({ uri, rows: 6 });
}

describe('requests', () => {
  it.each(requests)(
    '%s: every field missing, null or of another type is InvalidParams',
    async (m) => {
      const right = RIGHT[m];
      if (right === undefined || m === 'initialize') return;
      const wrong: [string, unknown][] = [
        ['params', undefined],
        ['params', null],
        ['params', []],
        ['params', [right]],
        ['params', 7],
        ['params', 'text'],
      ];
      for (const path of fields(right))
        if (!FREE.has(path))
          for (const other of [undefined, null, {}, true]) wrong.push([path, other]);
      for (const [path, other] of wrong) {
        const params = path === 'params' ? other : broken(right, path, other);
        const { error } = await wire.request(m, params);
        expect(error?.code, `${m} with ${JSON.stringify(params)}`).toBe(INVALID);
        expect(error?.message).toContain('expected');
      }
      await sound();
    },
  );

  it.each(requests)('%s: numbers that are none, or below 0, are InvalidParams', async (m) => {
    const right = RIGHT[m];
    for (const path of fields(right)) {
      const value = path
        .split('.')
        .slice(1)
        .reduce<unknown>((o, key) => (o as Record<string, unknown>)[key], right);
      if (typeof value !== 'number') continue;
      for (const other of [-1, 0.5, '0', null, -1e300]) {
        const { error } = await wire.request(m, broken(right, path, other));
        expect(error?.code, `${m} with ${path} ${String(other)}`).toBe(INVALID);
      }
      // As large as JSON can say it: a place beyond the end.
      if (ONCE.has(m)) continue;
      const { error } = await wire.request(m, broken(right, path, 1e300));
      expect([undefined, -32803]).toContain(error?.code);
    }
    await sound();
  });

  it.each(asked)('%s: of any document, or none, answers in words', async (m) => {
    for (const other of [
      'untitled:x',
      'http://h/%zz',
      'file:///%00',
      'file:',
      ':',
      'constructor',
      'file:///nowhere/a.jsonl',
      'vscode-remote://a/b.csv',
      '__proto__',
    ]) {
      const text = JSON.stringify(RIGHT[m] ?? null).replaceAll(
        JSON.stringify(uri),
        JSON.stringify(other),
      );
      const { error } = await wire.request(m, JSON.parse(text) ?? undefined);
      expect([undefined, -32803], `${m} of ${other}: ${error?.message}`).toContain(error?.code);
    }
    await sound();
  });

  it.each(requests.filter((m) => RIGHT[m] === undefined && m !== 'shutdown'))(
    '%s: needs no parameters and minds none',
    async (m) => {
      expect((await wire.request(m, { junk: [null] })).error).toBeUndefined();
    },
  );

  it('answers junk, and never from inside a handler', async () => {
    const junk = fc.jsonValue({ maxDepth: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...asked),
        fc.array(fc.tuple(fc.nat(), fc.option(junk, { nil: undefined })), { maxLength: 3 }),
        fc.option(junk, { nil: undefined, freq: 3 }),
        async (m, changes, whole) => {
          let params = RIGHT[m];
          for (const [n, other] of changes) {
            const all = [...fields(params)];
            const path = all[n % Math.max(all.length, 1)];
            if (path !== undefined) params = broken(params, path, other);
          }
          const { error } = await wire.request(m, whole ?? params);
          expect(wire.ended).toBeUndefined();
          expect(error?.code, error?.message).not.toBe(INTERNAL);
          expect(error?.code, error?.message).not.toBe(NOT_FOUND);
        },
      ),
      { numRuns: 600 },
    );
    await sound();
  });
});

describe('notifications', () => {
  it.each(notifications.filter((m) => RIGHT[m] !== undefined))(
    '%s: a malformed one is logged and changes nothing',
    async (m) => {
      const right = RIGHT[m];
      const wrong: unknown[] = [undefined, null, [], 7, 'text'];
      for (const path of fields(right))
        if (!FREE.has(path))
          for (const other of [undefined, null, true, {}]) wrong.push(broken(right, path, other));
      let told = 0;
      for (const params of wrong) {
        const before = wire.logs.length;
        await wire.notify(m, params);
        await sound();
        if (wire.logs.slice(before).some((l) => l.includes(`${m} was ignored`))) told++;
      }
      // A field that may be absent (the range of a change) may be null; all else is told.
      const free = m === 'textDocument/didChange' ? 2 : 0;
      // The connection itself looks at a cancellation before anybody is asked.
      if (m !== '$/cancelRequest') expect(told).toBe(wrong.length - free);
    },
  );

  it('junk never ends the server', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...notifications.filter((m) => m !== 'exit')),
        fc.jsonValue({ maxDepth: 3 }),
        async (m, params) => {
          await wire.notify(m, params);
        },
      ),
      { numRuns: 400 },
    );
    await sound();
  });

  it('edits at any place of a text are edits at its end, or the other way about', async () => {
    const far = { line: 1e300, character: 1e300 };
    const textDocument = { uri: 'untitled:far.jsonl', version: 1 };
    const lines = hhLines(2, 600).join('\n');
    await wire.notify('textDocument/didOpen', {
      textDocument: { ...textDocument, languageId: 'jsonl', text: '' },
    });
    await wire.notify('textDocument/didChange', {
      textDocument,
      contentChanges: [
        { range: { start: far, end: at }, text: `${lines}\n` },
        { range: { start: far, end: far }, text: lines },
      ],
    });
    const { error } = await wire.request('qrmLens/audit', { uri: textDocument.uri });
    expect(error).toBeUndefined();
    const { result } = await wire.request('qrmLens/summary', { uri: textDocument.uri });
    expect(result).toMatchObject({ rows: 4 });
  });
});

describe('what is no message', () => {
  it('does not end the server', async () => {
    for (const body of [
      'null',
      '[]',
      '7',
      '"x"',
      '{}',
      '{"jsonrpc":"2.0"}',
      '{"id":1}',
      'not JSON',
      '{"jsonrpc":"2.0","id":{},"method":"shutdown"}',
      '{"jsonrpc":"2.0","id":null,"method":"qrmLens/doctor"}',
    ])
      wire.bytes(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    await sound();
  });

  it('unknown methods are not found, whatever they are called', async () => {
    for (const m of [
      'constructor',
      '__proto__',
      'qrmLens/$refused',
      'qrmLens/status',
      'textDocument/completion',
      'textDocument/didOpen',
      '',
    ])
      expect((await wire.request(m, {})).error?.code, m).toBe(NOT_FOUND);
    await wire.notify('qrmLens/$refused', {});
    await sound();
  });
});

describe('out of turn', () => {
  it('is told before initialize, after it and after shutdown', async () => {
    const other = new Wire();
    try {
      await other.notify('textDocument/didOpen', RIGHT['textDocument/didOpen']);
      for (const m of requests.filter((r) => r !== 'initialize'))
        expect((await other.request(m, RIGHT[m])).error?.code, m).toBe(-32002);
      for (const bad of [
        undefined,
        null,
        [],
        1,
        {},
        { processId: -1, capabilities: {} },
        { processId: 1e300, capabilities: {} },
        { processId: null, capabilities: null },
        { processId: null, capabilities: {}, workspaceFolders: [null] },
        { processId: null, capabilities: {}, initializationOptions: { trusted: 'false' } },
        { processId: null, capabilities: {}, initializationOptions: { theme: 'constructor' } },
      ])
        expect((await other.request('initialize', bad)).error?.code, JSON.stringify(bad)).toBe(
          INVALID,
        );
      expect((await other.request('initialize', RIGHT.initialize)).error).toBeUndefined();
      expect((await other.request('initialize', RIGHT.initialize)).error?.code).toBe(-32600);
      expect((await other.request('shutdown', undefined)).error).toBeUndefined();
      expect((await other.request('qrmLens/doctor', undefined)).error?.code).toBe(-32600);
      expect(other.ended).toBeUndefined();
    } finally {
      other.stop();
    }
  });
});
