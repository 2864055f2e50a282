import { PassThrough } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { CancellationTokenSource, createMessageConnection } from 'vscode-jsonrpc/node.js';
import { request } from '../../../client/src/server/request.js';

// What the server gets over the library's own connection, which reads a call's arguments by their number.
const [up, down] = [new PassThrough(), new PassThrough()];
const asking = createMessageConnection(down, up);
const answering = createMessageConnection(up, down);
const got: [string, unknown][] = [];
answering.onRequest((method, params) => {
  got.push([method, params]);
  return {};
});
asking.listen();
answering.listen();
afterAll(() => {
  asking.dispose();
  answering.dispose();
});
const client = asking as unknown as Parameters<typeof request>[0];

describe('a request of the client', () => {
  it('has its parameters as one object, with and without a token, and none where it takes none', async () => {
    const uri = 'file:///a.jsonl';
    await request(client, 'summary', { uri });
    await request(client, 'summary', { uri }, undefined);
    await request(client, 'summary', { uri }, new CancellationTokenSource().token as never);
    await request(client, 'doctor');
    expect(got.splice(0)).toEqual([
      ['qrmLens/summary', { uri }],
      ['qrmLens/summary', { uri }],
      ['qrmLens/summary', { uri }],
      ['qrmLens/doctor', undefined],
    ]);
  });
});
