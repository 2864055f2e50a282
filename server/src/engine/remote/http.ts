import { connectionReason } from '../../errors.js';

/** How an engine's answer failed. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  /**
   * @param kind `busy`: it says so itself; `down`: broken or out of order; `rejected`: this work is not taken;
   * `refused`: no work is
   */
  constructor(
    readonly kind: 'busy' | 'down' | 'rejected' | 'refused',
    message: string,
    /** Milliseconds that it asks for. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }

  /** Asking again would change nothing. */
  get ends(): boolean {
    return this.kind === 'refused' || this.kind === 'rejected';
  }
}

/** An engine that answers so late is taken for one that hangs. */
const LIMIT = 600_000;

/** One request of JSON. @throws EndpointError; the signal's reason */
export async function ask(
  url: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const text = await asked(url, path, body, signal, (response) => response.text());
  try {
    return JSON.parse(text);
  } catch {
    throw new EndpointError('down', `${url}${path}: expected JSON, found ${shown(text)}`);
  }
}

/**
 * One request of JSON whose answer is too large to be held.
 * @param read its bytes, as they come
 * @throws EndpointError; the signal's reason
 */
export const askInPieces = <T>(
  url: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
  read: (pieces: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> =>
  asked(url, path, body, signal, ({ body: pieces }) =>
    read(pieces ?? ReadableStream.from<Uint8Array>([])),
  );

async function asked<T>(
  url: string,
  path: string,
  body: unknown,
  signal: AbortSignal | undefined,
  read: (response: Response) => Promise<T>,
): Promise<T> {
  const token = process.env['QRM_LENS_TOKEN'];
  const limit = AbortSignal.timeout(LIMIT);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A token goes to whom the user named, and to nobody that he sends on to.
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    if (response.status === 200) return await read(response);
    text = await response.text();
  } catch (error) {
    if (error instanceof EndpointError) throw error;
    signal?.throwIfAborted();
    throw new EndpointError('down', `${url}: ${connectionReason(error)}`);
  }
  const { status } = response;
  if (status === 429 || status === 503) {
    const wait = Number(response.headers.get('retry-after'));
    throw new EndpointError(
      'busy',
      `${url}: ${status} ${shown(text)}`,
      wait > 0 ? wait * 1000 : undefined,
    );
  }
  if (status >= 500 || status === 408)
    throw new EndpointError('down', `${url}: ${status} ${shown(text)}`);
  const kind = [400, 413, 422].includes(status) ? 'rejected' : 'refused';
  throw new EndpointError(kind, `${url}${path}: ${status} ${shown(text)}`);
}

const shown = (text: string): string => text.replace(/\s+/g, ' ').slice(0, 300);
