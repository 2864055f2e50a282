import { setTimeout as sleep } from 'node:timers/promises';
import { connectionReason } from '../../../errors.js';
import type { HubName, HubSettings } from './place.js';

/** An answer that trying again does not change. */
export class HubError extends Error {}

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds before the first retry, doubled each time. Default 1,000. */
  readonly retryDelay?: number;
  /** Times a request is made before it is given up. Default TRIES. */
  readonly tries?: number;
}

const REDIRECTS = 10;
export const TRIES = 6;
/** Longest wait that a server may ask for. */
const MAX_WAIT = 300_000;

/**
 * GET with the hub's rules: redirects followed by hand, so that the token goes to the endpoint's own host
 * and to no other; 429 and failures of the server or the line tried again.
 * @throws HubError in words for a user; AbortError
 */
export async function request(
  url: string,
  settings: HubSettings,
  name: HubName,
  options: RequestOptions = {},
): Promise<Response> {
  const { signal, retryDelay = 1000, tries: most = TRIES } = options;
  for (let tries = 1; ; tries++) {
    let response: Response;
    try {
      response = await follow(url, settings, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HubError || tries >= most) throw unreachable(settings, error);
      await sleep(retryDelay * 2 ** (tries - 1), undefined, { signal });
      continue;
    }
    const busy = response.status === 429 || response.status >= 500;
    if (response.ok || response.status === 416) return response;
    await response.body?.cancel();
    if (!busy || tries >= most) throw refusal(response, settings, name);
    const asked = 1000 * Number(response.headers.get('retry-after'));
    const wait = asked > 0 ? Math.min(asked, MAX_WAIT) : retryDelay * 2 ** (tries - 1);
    await sleep(wait, undefined, { signal });
  }
}

async function follow(
  from: string,
  { endpoint, token }: HubSettings,
  { signal, headers }: RequestOptions,
): Promise<Response> {
  let url = new URL(from);
  for (let n = 0; n <= REDIRECTS; n++) {
    const own = url.origin === new URL(endpoint).origin;
    const response = await fetch(url, {
      redirect: 'manual',
      signal,
      headers: {
        'user-agent': 'qrm-lens',
        // Lengths and ranges are of the file itself.
        'accept-encoding': 'identity',
        ...headers,
        ...(own && token ? { authorization: `Bearer ${token}` } : {}),
      },
    });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    url = new URL(location, url);
    if (!/^https?:$/.test(url.protocol)) throw new HubError(`redirected to ${url.protocol}`);
  }
  throw new HubError(`more than ${REDIRECTS} redirects`);
}

const unreachable = ({ endpoint }: HubSettings, error: unknown): HubError =>
  new HubError(`${endpoint}: ${connectionReason(error)}`);

/** Why the hub gives nothing, and what helps. */
function refusal(response: Response, { endpoint, token }: HubSettings, name: HubName): HubError {
  const { status, headers } = response;
  const code = headers.get('x-error-code') ?? '';
  const page = `${endpoint}/${name.id}`;
  const said = headers.get('x-error-message') ?? '';
  if (code === 'GatedRepo' || (status === 403 && code === '')) {
    return new HubError(
      token === undefined
        ? `${name.id} is gated: accept its terms at ${page}, then set HF_TOKEN to a token of your account ` +
            `(${endpoint}/settings/tokens)`
        : `${name.id} is gated, and the account of your token has no access: accept its terms at ${page}` +
            (said ? ` (${said})` : ''),
    );
  }
  if (code === 'RevisionNotFound') {
    return new HubError(`${name.id} has no revision "${name.revision}": see ${page}/tree/main`);
  }
  if (status === 404 && code === 'EntryNotFound') {
    return new HubError(`${response.url || page}: the file is not there`);
  }
  if (status === 401 || status === 404) {
    return new HubError(
      `no model ${name.id} at ${endpoint}: look at the spelling` +
        (token === undefined
          ? '; a private one needs HF_TOKEN'
          : ', or it is private and your token may not see it (or has expired)'),
    );
  }
  if (status === 429) {
    return new HubError(`${endpoint} asks for fewer requests (429); try again in some minutes`);
  }
  return new HubError(`${endpoint} answered ${status} for ${name.id}${said ? `: ${said}` : ''}`);
}
