import {
  ErrorCodes,
  Message,
  ResponseError,
  type Connection,
  type MessageStrategy,
  type RequestMessage,
} from 'vscode-languageserver';
import { checkOf, NOTIFICATIONS, REQUESTS } from './methods.js';

/** Where a request goes that is not to reach its handler; no client can call it. */
const REFUSED = 'qrmLens/$refused';
/** Before these, nothing was agreed on. */
const FIRST = new Set(['initialize', 'exit']);

/**
 * Stands before every handler, whoever registered it and whatever the transport: a request that is malformed
 * or comes at the wrong time is answered with the error that the protocol has for it, such a notification is
 * logged and dropped. A method without a check is not reached at all.
 */
export class Guard implements MessageStrategy {
  private state: 'new' | 'running' | 'shut' = 'new';
  private log: (message: string) => void = () => undefined;

  attach(connection: Connection): void {
    this.log = (message) => connection.console.warn(message);
    connection.onRequest(REFUSED, ({ code, message }: { code: number; message: string }) => {
      throw new ResponseError(code, message);
    });
  }

  handleMessage(message: Message, next: (message: Message) => void): void {
    if (Message.isRequest(message)) return next(this.request(message));
    if (!Message.isNotification(message)) return next(message);
    const { method, params } = message;
    const check = checkOf(NOTIFICATIONS, method);
    // Those that begin with "$/" may be ignored, and are not for us.
    if (check === undefined || (this.state === 'new' && !FIRST.has(method))) return;
    const wrong = check(params, 'params');
    if (wrong === undefined) next(message);
    else this.log(`${method} was ignored: ${wrong}`);
  }

  private request(message: RequestMessage): RequestMessage {
    const { method, params } = message;
    const refuse = (code: number, why: string): RequestMessage => ({
      ...message,
      method: REFUSED,
      params: { code, message: `${method}: ${why}` },
    });
    const check = checkOf(REQUESTS, method);
    if (check === undefined)
      return refuse(ErrorCodes.MethodNotFound, 'the server has no such method');
    if (this.state === 'new' && !FIRST.has(method))
      return refuse(ErrorCodes.ServerNotInitialized, "expected 'initialize' before it");
    if (this.state === 'shut')
      return refuse(ErrorCodes.InvalidRequest, "expected nothing but 'exit' after 'shutdown'");
    if (this.state === 'running' && method === 'initialize')
      return refuse(ErrorCodes.InvalidRequest, 'the server is initialized already');
    const wrong = check(params, 'params');
    if (wrong !== undefined) return refuse(ErrorCodes.InvalidParams, wrong);
    if (method === 'initialize') this.state = 'running';
    if (method === 'shutdown') this.state = 'shut';
    return message;
  }
}
