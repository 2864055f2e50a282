import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ClientCapabilities,
  type Diagnostic,
  type InitializeResult,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type Range,
  type TextDocumentContentChangeEvent,
} from 'vscode-languageserver-protocol/node.js';
import type {
  AuditSummary,
  ColumnsParams,
  InitOptions,
  ServerSettings,
  StatusParams,
  WireColumnBatch,
} from '../../../../server/src/protocol/index.js';

/** The package's folder, wherever this file was bundled to. */
export const root = ((): string => {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
})();
/** The tiny golden checkpoint: five levels, three attributes. */
export const MODEL = join(root, 'test/fixtures/golden/llama3-qrm-k5-m3');
export const HH = join(root, 'examples/hh-harmless.jsonl.gz');
export const fixture = (name: string): string => join(root, 'test/fixtures', name);

export interface StartOptions {
  readonly capabilities?: ClientCapabilities;
  readonly settings?: Partial<ServerSettings>;
  readonly init?: Partial<InitOptions>;
  readonly workspace?: string;
  /** What the server runs under, in an environment of its own. */
  readonly under?: {
    command(...program: string[]): [string, string[]];
    env(): NodeJS.ProcessEnv;
  };
  /** `memory()` can be asked: the server has an IPC channel, which it does not use itself. */
  readonly measured?: boolean;
}

/** Loaded before the server's own code: answers with its memory after a full collection. */
const PROBE = `
process.on('message', async () => {
  for (let n = 0; n < 3; n++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  process.send(process.memoryUsage());
});
// A worker thread is begun with the same options, and has no channel.
process.channel?.unref();
`;
const MEASURED = ['--expose-gc', '--import', `data:text/javascript,${encodeURIComponent(PROBE)}`];

/** A real client: dist/server.js as a process of its own, over standard input and output. */
export class Client {
  readonly folder = mkdtempSync(join(tmpdir(), 'qrm-lsp-'));
  readonly pushed: PublishDiagnosticsParams[] = [];
  readonly statuses: StatusParams[] = [];
  readonly changes: AuditSummary[] = [];
  readonly logs: string[] = [];
  refreshes = 0;
  lensRefreshes = 0;
  hintRefreshes = 0;
  initialized!: InitializeResult;
  /** What the server was started with. */
  settings: Partial<ServerSettings> = {};
  private version = 1;

  private constructor(
    readonly process: ChildProcess,
    readonly connection: ProtocolConnection,
  ) {}

  static async start(options: StartOptions = {}): Promise<Client> {
    const server = [join(root, 'dist/server.js'), '--stdio'];
    const program = [process.execPath, ...(options.measured ? MEASURED : []), ...server] as const;
    const [command, args] = options.under?.command(...program) ?? [program[0], program.slice(1)];
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'ignore', ...(options.measured ? ['ipc' as const] : [])],
      env: options.under?.env(),
    });
    const { stdout, stdin } = child;
    if (stdout === null || stdin === null) throw new Error('the server has no standard streams');
    const reader = new StreamMessageReader(stdout);
    // A server that is killed leaves half a message: the timer that tells of it is set anew for ever, also after
    // `dispose`, and whoever waits for the process to end by itself waits for ever.
    reader.partialMessageTimeout = 0;
    const connection = createProtocolConnection(reader, new StreamMessageWriter(stdin));
    const client = new Client(child, connection);
    connection.onNotification('textDocument/publishDiagnostics', (p: PublishDiagnosticsParams) =>
      client.pushed.push(p),
    );
    connection.onNotification('qrmLens/status', (s: StatusParams) => client.statuses.push(s));
    connection.onNotification('qrmLens/changed', (s: AuditSummary) => client.changes.push(s));
    connection.onNotification('window/logMessage', ({ message }: { message: string }) =>
      client.logs.push(message),
    );
    connection.onRequest('workspace/diagnostic/refresh', () => void client.refreshes++);
    connection.onRequest('workspace/codeLens/refresh', () => {
      client.lensRefreshes++;
      return null;
    });
    connection.onRequest('workspace/inlayHint/refresh', () => {
      client.hintRefreshes++;
      return null;
    });
    connection.onRequest('window/workDoneProgress/create', () => null);
    connection.listen();
    client.settings = { model: { path: MODEL }, threads: 1, ...options.settings };
    const initializationOptions: InitOptions = {
      storeFolder: join(client.folder, 'store'),
      docs: 'https://example.org/findings',
      ...options.init,
      settings: client.settings,
    };
    const workspace = options.workspace ?? client.folder;
    client.initialized = await connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: pathToFileURL(workspace).href,
      workspaceFolders: [{ uri: pathToFileURL(workspace).href, name: 'test' }],
      capabilities: options.capabilities ?? {},
      initializationOptions,
    });
    await connection.sendNotification('initialized', {});
    return client;
  }

  uri(name: string): string {
    return pathToFileURL(join(this.folder, name)).href;
  }

  async open(name: string, text: string, languageId = 'jsonl'): Promise<string> {
    const uri = this.uri(name);
    const textDocument = { uri, languageId, version: this.version++, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
    return uri;
  }

  async close(uri: string): Promise<void> {
    await this.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  }

  edit(uri: string, range: Range, text: string): Promise<void> {
    return this.change(uri, [{ range, text }]);
  }

  async change(uri: string, contentChanges: TextDocumentContentChangeEvent[]): Promise<void> {
    const textDocument = { uri, version: this.version++ };
    await this.connection.sendNotification('textDocument/didChange', {
      textDocument,
      contentChanges,
    });
  }

  request<R>(method: string, params: unknown): Promise<R> {
    return this.connection.sendRequest(method, params);
  }

  audit(uri: string): Promise<AuditSummary> {
    return this.request('qrmLens/audit', { uri });
  }

  summary(uri: string): Promise<AuditSummary> {
    return this.request('qrmLens/summary', { uri });
  }

  /** Waits for what a later message brings. */
  async until<T>(get: () => T | undefined | false, what: string, ms = 60_000): Promise<T> {
    const end = Date.now() + ms;
    for (;;) {
      const value = get();
      if (value !== undefined && value !== false) return value;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The diagnostics pushed last for a document. */
  last(uri: string): Diagnostic[] {
    return this.pushed.findLast((p) => p.uri === uri)?.diagnostics ?? [];
  }

  /** Every change of the log from a revision on. */
  async columns(summary: AuditSummary, from = 0): Promise<Columns[]> {
    const out: Columns[] = [];
    for (let at = from; at < summary.revision;) {
      const { uri, epoch } = summary;
      const asked: ColumnsParams = { uri, epoch, from: at, limit: 8192 };
      const wire = await this.request<WireColumnBatch>('qrmLens/columns', asked);
      out.push(...decode(wire));
      at = wire.next;
    }
    return out;
  }

  /** Bytes that the server's process holds after a full collection (`measured`). */
  memory(): Promise<NodeJS.MemoryUsage> {
    const answer = new Promise<NodeJS.MemoryUsage>((resolve) =>
      this.process.once('message', (usage) => resolve(usage as NodeJS.MemoryUsage)),
    );
    this.process.send('memory');
    return answer;
  }

  /** Process ids of the evaluator, which the server forked. */
  evaluators(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
          const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
          return Number(parent) === this.process.pid && !line.includes('reader.js');
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    await this.connection.sendRequest('shutdown').catch(() => undefined);
    await this.connection.sendNotification('exit').catch(() => undefined);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
    this.connection.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Columns {
  readonly id: number;
  readonly row: number;
  readonly line: number;
  readonly kind: number;
  readonly tail: number;
  readonly expectation: number;
  readonly beats: number;
  readonly margin: number;
  readonly partner: number;
}

function decode(wire: WireColumnBatch): Columns[] {
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'base64'));
  const words = (text: string) => new Uint32Array(bytes(text).buffer);
  const floats = (text: string) => new Float32Array(bytes(text).buffer);
  const [ids, row, line, partner] = [wire.ids, wire.row, wire.line, wire.partner].map(words);
  const [tail, expectation, beats, margin] = [
    wire.tail,
    wire.expectation,
    wire.beats,
    wire.margin,
  ].map(floats);
  const kind = bytes(wire.kind);
  const at = (list: ArrayLike<number> | undefined, n: number) => list?.[n] ?? Number.NaN;
  return Array.from(ids ?? [], (id, n) => ({
    id,
    row: at(row, n),
    line: at(line, n),
    partner: at(partner, n),
    tail: at(tail, n),
    expectation: at(expectation, n),
    beats: at(beats, n),
    margin: at(margin, n),
    kind: at(kind, n),
  }));
}

export { applyEdits, textAt } from './text.js';
