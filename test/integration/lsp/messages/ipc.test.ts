import { fork } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { root } from '../editor/client.js';

/** The server over Node's IPC, as VS Code's client starts it. */
const child = fork(join(root, 'dist/server.js'), ['--node-ipc'], { silent: true });
afterEach(() => child.kill('SIGKILL'));

type Answer = { readonly id?: number; readonly result?: unknown };
let next = 1;
function request(method: string, params?: unknown): Promise<Answer> {
  const id = next++;
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the server ended (${code})`));
    const listen = (answer: Answer) => {
      if (answer.id !== id) return;
      child.off('message', listen);
      child.off('exit', ended);
      resolve(answer);
    };
    child.on('message', listen);
    child.once('exit', ended);
    child.send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) });
  });
}

it('malformed messages do not end the server, cancellations without parameters among them', async () => {
  const params = { processId: process.pid, rootUri: null, capabilities: {} };
  expect((await request('initialize', params)).result).toHaveProperty('capabilities');
  const cancel = { jsonrpc: '2.0', method: '$/cancelRequest' };
  const odd = [undefined, null, 7, 'text', [], {}, { id: null }, { id: {} }, { id: 'nobody' }];
  const messages: unknown[] = odd.map((p) => (p === undefined ? cancel : { ...cancel, params: p }));
  messages.push('text', 7, [], {}, { jsonrpc: '2.0' }, { jsonrpc: '2.0', id: null, result: 1 });
  for (const message of messages) {
    child.send(message as object);
    expect(await request('qrmLens/summary', { uri: 'file:///nothing.jsonl' })).toBeDefined();
  }
  expect((await request('shutdown')).result).toBeNull();
}, 60_000);
