import { once } from 'node:events';
import { parentPort, Worker } from 'node:worker_threads';
import { LocalEncoder, type ColumnData, type ParquetEncoder, type ParquetHead } from './encoder.js';
import { messageOf } from '../../../errors.js';

/** `workerData` of the thread: whoever starts a bundle as a worker looks for it. */
export const PARQUET_ROLE = 'parquet';

type Request =
  | { readonly type: 'head'; readonly head: ParquetHead }
  | { readonly type: 'column'; readonly data: ColumnData }
  | { readonly type: 'finish' };
type Reply = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly error: string };

/** Encodes in a thread of its own: the library has no smaller steps. */
export class ThreadEncoder implements ParquetEncoder {
  private readonly worker: Worker;

  /** @param script a bundle that calls `parquetThread` when started with the role */
  constructor(script: URL, head: ParquetHead) {
    this.worker = new Worker(script, { workerData: { role: PARQUET_ROLE } });
    this.post({ type: 'head', head });
  }

  private post(request: Request): void {
    this.worker.postMessage(request);
  }

  private async ask(request: Request): Promise<Uint8Array> {
    // `once` rejects when the thread dies of an error.
    const answer = once(this.worker, 'message');
    this.post(request);
    const [reply] = (await answer) as [Reply];
    if ('error' in reply) throw new Error(reply.error);
    return reply.bytes;
  }

  column(data: ColumnData): Promise<Uint8Array> {
    return this.ask({ type: 'column', data });
  }

  finish(): Promise<Uint8Array> {
    return this.ask({ type: 'finish' });
  }

  async close(): Promise<void> {
    await this.worker.terminate();
  }
}

/** The body of the thread. */
export function parquetThread(): void {
  const port = parentPort;
  if (port === null) throw new Error('parquetThread: this is the main thread');
  let encoder: LocalEncoder | undefined;
  const answer = async (request: Exclude<Request, { type: 'head' }>): Promise<void> => {
    try {
      const made = request.type === 'column' ? encoder?.column(request.data) : encoder?.finish();
      const bytes = new Uint8Array((await made) ?? []);
      port.postMessage({ bytes } satisfies Reply, [bytes.buffer]);
    } catch (error) {
      port.postMessage({ error: messageOf(error) } satisfies Reply);
    }
  };
  const gone = (error: unknown): void =>
    port.postMessage({ error: messageOf(error) } satisfies Reply);
  port.on('message', (request: Request) => {
    if (request.type === 'head') encoder = new LocalEncoder(request.head);
    else answer(request).catch(gone);
  });
}
