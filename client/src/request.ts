import type { CancellationToken } from 'vscode';
import type { LanguageClient } from 'vscode-languageclient/node';
import {
  METHODS,
  type RequestName,
  type Requests,
  type ToServer,
} from '../../server/src/protocol/index.js';

/** The parameters where a request has some, then a token where it can be cancelled. */
type Rest<N extends RequestName> = Requests[N]['params'] extends undefined
  ? []
  : [params: Requests[N]['params'], token?: CancellationToken];

/** Asks the server; the answer's type follows from the request's name. */
export function request<N extends RequestName>(
  client: LanguageClient,
  name: N,
  ...[params, token]: Rest<N>
): Promise<Requests[N]['answer']> {
  return client.sendRequest(METHODS[name], params, token);
}

export const notify = <N extends keyof ToServer>(
  client: LanguageClient | undefined,
  name: N,
  params: ToServer[N],
): Promise<void> => client?.sendNotification(METHODS[name], params) ?? Promise.resolve();
