import type { ChildProcess } from 'node:child_process';
import { MODEL, type Result, type Workspace } from '../cli/helpers.js';

/** `qrm serve` as a user starts it, on a free port. */
export class Server {
  private constructor(
    private readonly workspace: Workspace,
    readonly child: ChildProcess,
    readonly done: Promise<Result>,
    readonly url: string,
  ) {}

  /** With the small model, unless `args` name another. */
  static async start(workspace: Workspace, ...args: string[]): Promise<Server> {
    const model = args.includes('--model') ? [] : ['--model', MODEL, '--precision', 'float32'];
    const all = ['serve', '--port', '0', '--device', 'cpu', ...model, ...args];
    const { child, done } = workspace.start(all);
    let [text, url] = ['', ''];
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on('data', (d: Buffer) => {
        text += d.toString();
        url = /Listening on (\S+)/.exec(text)?.[1] ?? url;
        if (text.includes('"event":"ready"')) resolve();
      });
      void done.then((r) => reject(new Error(`qrm serve ended: ${r.stderr}`)), reject);
    });
    return new Server(workspace, child, done, url);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  /** @param headers beside the content type */
  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  /** The answer of a request that succeeds. */
  async ask<T>(path: string, body: unknown): Promise<T> {
    const response = await this.post(path, body);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async metric(name: string): Promise<number> {
    const text = await (await this.fetch('/metrics')).text();
    const line = text.split('\n').find((l) => l.startsWith(`${name} `) || l.startsWith(`${name}{`));
    return Number(line?.split(' ').at(-1));
  }

  /** Ends it as an orchestrator does. */
  async stop(): Promise<Result> {
    this.child.kill('SIGTERM');
    return this.done;
  }
}
