import {
  LSPErrorCodes,
  ResponseError,
  type CancellationToken,
  type Connection,
} from 'vscode-languageserver';
import { isAbort, messageOf } from '../errors.js';

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
