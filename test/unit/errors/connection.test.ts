import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { connectionReason } from '../../../server/src/errors.js';

/** What a real request to `url` fails with, in words. */
const reason = (url: string): Promise<string> =>
  fetch(url).then(() => 'an answer', connectionReason);

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that does `each` to whoever connects. */
async function serving(each: Parameters<typeof createServer>[1]): Promise<number> {
  server = createServer(each!).listen(0, '127.0.0.1');
  await new Promise((resolve) => server!.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('why a request has no answer', () => {
  it('nobody listens', async () => {
    const port = await serving(() => undefined);
    await new Promise((resolve) => server!.close(resolve));
    expect(await reason(`http://127.0.0.1:${port}`)).toBe(
      'nothing answers there; is the server running? (ECONNREFUSED)',
    );
    // localhost may have two addresses, each of which refuses.
    expect(await reason(`http://localhost:${port}`)).toContain('nothing answers there');
  });

  it('the connection breaks before an answer', async () => {
    const port = await serving((socket) => socket.destroy());
    expect(await reason(`http://127.0.0.1:${port}`)).toMatch(/^the connection broke \(\w+\)$/);
  });

  it('https is asked of who speaks http', async () => {
    const port = await serving((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await reason(`https://127.0.0.1:${port}`)).toMatch(/does not speak https/);
  });

  it('what has no code of the system is told as it is', async () => {
    expect(await reason('ftp://127.0.0.1/')).toMatch(/unknown scheme/);
    expect(connectionReason(new Error('plain'))).toBe('plain');
  });
});
