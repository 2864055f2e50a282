import {
  LSPErrorCodes,
  ResponseError,
  type CancellationToken,
  type Connection,
} from 'vscode-languageserver';
import { isAbort, messageOf } from '../errors.js';
import {
  METHODS,
  type RequestName,
  type Requests,
  type ToClient,
  type ToServer,
} from '../protocol/index.js';

export type On = <P, R>(
  method: string,
  handle: (params: P, token: CancellationToken) => Promise<R> | R,
) => void;

/** Registers requests; what a handler throws is answered in plain words. `params/guard.ts` has checked its parameters. */
export const handlersOf =
  (connection: Connection): On =>
  (method, handle) => {
    connection.onRequest(method, async (params: unknown, token: CancellationToken) => {
      try {
        return await handle(params as Parameters<typeof handle>[0], token);
      } catch (error) {
        throw isAbort(error)
          ? new ResponseError(LSPErrorCodes.RequestCancelled, 'cancelled')
          : new ResponseError(LSPErrorCodes.RequestFailed, messageOf(error));
      }
    });
  };

/** A handler for every request of our own: one that is missing, or answers something else, does not compile. */
export type Handlers = {
  readonly [N in RequestName]: (
    params: Requests[N]['params'],
    token: CancellationToken,
  ) => Requests[N]['answer'] | Promise<Requests[N]['answer']>;
};

/** Hears a notification of our own. */
export const hear = <N extends keyof ToServer>(
  connection: Connection,
  name: N,
  heard: (params: ToServer[N]) => void,
): unknown => connection.onNotification(METHODS[name], heard);

/** Tells the client; one that is gone is told nothing. */
export function tell<N extends keyof ToClient>(
  connection: Connection,
  name: N,
  params: ToClient[N],
): void {
  connection.sendNotification(METHODS[name], params).catch(() => undefined);
}

export function serve(connection: Connection, handlers: Handlers): void {
  const on = handlersOf(connection);
  const one = <N extends RequestName>(name: N) => on(METHODS[name], handlers[name]);
  for (const name of Object.keys(handlers) as RequestName[]) one(name);
}
