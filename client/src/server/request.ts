import type { CancellationToken } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import {
  METHODS,
  type RequestName,
  type Requests,
  type ToClient,
  type ToServer,
} from '../../../server/src/protocol/index.js';

/** The parameters where a request has some, then a token where it can be cancelled. */
type Rest<N extends RequestName> = Requests[N]['params'] extends undefined
  ? []
  : [params: Requests[N]['params'], token?: CancellationToken];

/** Asks the server; the answer's type follows from the request's name. */
export function request<N extends RequestName>(
  client: Pick<LanguageClient, 'sendRequest'>,
  name: N,
  ...rest: Rest<N>
): Promise<Requests[N]['answer']> {
  // The library counts what it is called with: an `undefined` after the parameters makes a list of both.
  const [params, token] = rest.filter((value) => value !== undefined);
  if (params === undefined) return client.sendRequest(METHODS[name]);
  return token === undefined
    ? client.sendRequest(METHODS[name], params)
    : client.sendRequest(METHODS[name], params, token as CancellationToken);
}

/** Hears what the server tells without being asked. */
export const hear = <N extends keyof ToClient>(
  client: LanguageClient,
  name: N,
  heard: (params: ToClient[N]) => void,
): unknown => client.onNotification(METHODS[name], heard);

export const notify = <N extends keyof ToServer>(
  client: LanguageClient | undefined,
  name: N,
  params: ToServer[N],
): Promise<void> => client?.sendNotification(METHODS[name], params) ?? Promise.resolve();
