import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  createProtocolConnection,
  StreamMessageReader,
  StreamMessageWriter,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node.js';
import {
  METHODS,
  type AuditSummary,
  type InitOptions,
  type ServerSettings,
} from '../../../server/src/protocol/index.js';

/** The package's folder, wherever this file was bundled to. */
export const ROOT = ((): string => {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
})();

/**
 * Loaded into the server before its own code: measures its event loop from inside, and answers over the
 * IPC channel, which the server itself does not use. Where the system tells how long the thread stood
 * ready but had no core (Linux), that is taken off: on a busy machine it is not the server's doing.
 */
const PERIOD_MS = 2;
const PROBE = `
import { readFileSync } from 'node:fs';
import { createHistogram } from 'node:perf_hooks';
const waited = () => {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
};
const late = createHistogram();
const own = createHistogram();
let [before, waitedBefore] = [performance.now(), waited()];
setInterval(() => {
  const [now, wait] = [performance.now(), waited()];
  const ms = now - before - ${PERIOD_MS};
  const record = (histogram, value) => histogram.record(Math.max(1, Math.round(1000 * value)));
  record(late, ms);
  record(own, ms - (wait - waitedBefore));
  [before, waitedBefore] = [now, wait];
}, ${PERIOD_MS}).unref();
process.on('message', () => {
  process.send({ late: late.max / 1e3, own: own.max / 1e3, p99: own.percentile(99) / 1e3 });
  late.reset();
  own.reset();
});
// A worker thread is begun with the same options, and has no channel.
process.channel?.unref();
`;

/** How late the event loop was, in ms. */
export interface LoopDelay {
  readonly late: number;
  /** Without the time that its thread waited for a core. */
  readonly own: number;
  /** Of `own`. */
  readonly p99: number;
}

export interface ServerOptions {
  /** Folder of the score store. */
  readonly store: string;
  /** Folder of converted models. */
  readonly cache: string;
  readonly settings?: Partial<ServerSettings>;
}

type Listener<T> = (value: T) => void;

/** dist/server.js as a process of its own over standard input and output, and its client. */
export class BenchServer {
  private readonly diagnosed = new Set<Listener<PublishDiagnosticsParams>>();
  private readonly changed = new Set<Listener<AuditSummary>>();
  private version = 1;

  private constructor(
    private readonly child: ChildProcess,
    private readonly connection: ProtocolConnection,
  ) {}

  static async start({ store, cache, settings }: ServerOptions): Promise<BenchServer> {
    const script = join(ROOT, 'dist', 'server.js');
    if (!existsSync(script)) throw new Error(`${script} is missing: run npm run build`);
    const probe = `data:text/javascript,${encodeURIComponent(PROBE)}`;
    const child = spawn(process.execPath, ['--import', probe, script, '--stdio'], {
      stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
      env: { ...process.env, QRM_LENS_CACHE: cache },
    });
    const { stdout, stdin } = child;
    if (stdout === null || stdin === null) throw new Error('the server has no standard streams');
    const connection = createProtocolConnection(
      new StreamMessageReader(stdout),
      new StreamMessageWriter(stdin),
    );
    const server = new BenchServer(child, connection);
    child.once('exit', (code, signal) => {
      if (code !== 0) console.error(`the server ended with ${signal ?? `code ${code}`}`);
      connection.dispose();
    });
    connection.onNotification('textDocument/publishDiagnostics', (p: PublishDiagnosticsParams) =>
      server.diagnosed.forEach((listener) => listener(p)),
    );
    connection.onNotification(METHODS.changed, (s: AuditSummary) =>
      server.changed.forEach((listener) => listener(s)),
    );
    connection.onRequest('workspace/codeLens/refresh', () => null);
    connection.listen();
    const initializationOptions: InitOptions = {
      storeFolder: store,
      ...(settings && { settings }),
    };
    await connection.sendRequest('initialize', {
      processId: process.pid,
      rootUri: null,
      capabilities: {},
      initializationOptions,
    });
    await connection.sendNotification('initialized', {});
    return server;
  }

  /** Opens a text under a name of its own; gives its URI. */
  async open(path: string, text: string): Promise<string> {
    const uri = pathToFileURL(path).href;
    const textDocument = { uri, languageId: 'jsonl', version: this.version++, text };
    await this.connection.sendNotification('textDocument/didOpen', { textDocument });
    return uri;
  }

  request<R>(method: string, params: unknown): Promise<R> {
    return this.connection.sendRequest(method, params);
  }

  audit(uri: string): Promise<AuditSummary> {
    return this.request(METHODS.audit, { uri });
  }

  /** Resolves with a document's first diagnostics. @throws Error when its audit fails */
  firstDiagnostics(uri: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = this.failure(uri, reject);
      const listener = (p: PublishDiagnosticsParams): void => {
        if (p.uri !== uri || p.diagnostics.length === 0) return;
        this.diagnosed.delete(listener);
        this.changed.delete(fail);
        resolve();
      };
      this.diagnosed.add(listener);
    });
  }

  /** Resolves with a document's first score. @throws Error when its audit fails */
  firstScore(uri: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = this.failure(uri, reject);
      const listener = (s: AuditSummary): void => {
        if (s.uri !== uri || s.scored === 0) return;
        this.changed.delete(listener);
        this.changed.delete(fail);
        resolve();
      };
      this.changed.add(listener);
    });
  }

  private failure(uri: string, reject: (error: Error) => void): Listener<AuditSummary> {
    const listener = (s: AuditSummary): void => {
      if (s.uri === uri && s.state === 'failed') reject(new Error(`${uri}: ${s.error}`));
    };
    this.changed.add(listener);
    this.child.once('exit', () => reject(new Error('the server ended')));
    return listener;
  }

  /** Lateness of the server's event loop since the last call. */
  loopDelay(): Promise<LoopDelay> {
    const answer = new Promise<LoopDelay>((resolve) => this.child.once('message', resolve));
    this.child.send('report');
    return answer;
  }

  /** Bytes of a line of /proc/PID/status, undefined where the system has none. */
  memory(line: 'VmHWM' | 'RssAnon'): number | undefined {
    const path = `/proc/${this.child.pid}/status`;
    if (!existsSync(path)) return undefined;
    const kilobytes = new RegExp(`${line}:\\s+(\\d+)`).exec(readFileSync(path, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.connection.sendRequest('shutdown').catch(() => undefined);
    await this.connection.sendNotification('exit').catch(() => undefined);
    await ended;
    clearTimeout(timer);
  }
}
