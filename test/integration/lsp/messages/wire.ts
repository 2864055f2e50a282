import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import {
  StreamMessageReader,
  StreamMessageWriter,
  type Message,
  type ResponseMessage,
} from 'vscode-languageserver-protocol/node.js';
import { root } from '../editor/client.js';

/** Messages as they are, without a client's library that would mend them. */
export class Wire {
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
