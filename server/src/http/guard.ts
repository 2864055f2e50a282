import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { UsageError } from '../errors.js';
import type { ServeOptions } from '../protocol/index.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Does only this machine reach it? */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);

/** @throws UsageError where a server would stand open to a network by mistake */
export function checkAddress({ host, token, insecure }: ServeOptions): void {
  if (isLoopback(host) || insecure || token !== undefined) return;
  throw new UsageError(
    `--host ${host}: anybody who reaches this address could ask; give --token (or QRM_LENS_TOKEN), ` +
      `or --insecure where the network is closed`,
  );
}

/** Compares in constant time: the time of an answer says nothing of the token. */
export function tokenCheck(token: string): (header: string | undefined) => boolean {
  const expected = digest(token);
  return (header = '') => {
    const [, given] = /^Bearer\s+(.+)$/i.exec(header) ?? [];
    return timingSafeEqual(digest(given ?? ''), expected);
  };
}

/**
 * Is the name by which the server was called one of this machine's? A page in a browser can have its own
 * name lead to 127.0.0.1, and would then be asked nothing.
 */
export function isOwnName(header: string | undefined, host: string): boolean {
  if (header === undefined) return true;
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === host.toLowerCase() || isLoopback(name) || isIP(name) !== 0;
}
