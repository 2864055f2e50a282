import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';

export type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** Least time between two notifications of one call, in ms. */
const APART = 200;
/** What the protocol asks for: a progress that always grows. */
const STEP = 1e-6;

/** A call that goes on: how far it is, told to a client that asked for it, and whether it is still wanted. */
export class Call {
  private last = 0;
  private at = -Infinity;

  constructor(private readonly extra: Extra) {}

  get signal(): AbortSignal {
    return this.extra.signal;
  }

  /** @param fraction of the whole, in [0, 1]; undefined where it is not known */
  readonly tell = (message: string, fraction?: number): void => {
    const progressToken = this.extra._meta?.progressToken;
    if (progressToken === undefined || this.signal.aborted) return;
    const now = performance.now();
    if (now - this.at < APART) return;
    this.at = now;
    this.last = Math.max(this.last + STEP, Math.min(fraction ?? 0, 1));
    void this.extra
      .sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: this.last, total: 1, message },
      })
      .catch(() => undefined);
  };
}
