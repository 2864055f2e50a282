import { cancelled } from '../../errors.js';
import { systemReason } from '../../files/reasons.js';
import type { ChildProcess } from 'node:child_process';
import type { FromEvaluator, OpenRequest } from './messages.js';
import type { EvaluatorInfo } from '../types.js';
import { forkWorker, lastWords, sendTo } from './worker-process.js';

export interface ClientOptions extends OpenRequest {
  readonly onProgress?: (progress: { message: string; fraction?: number }) => void;
  readonly signal?: AbortSignal;
  /** Told when the process died and was begun anew. */
  readonly onRestart?: (reason: string) => void;
  /** Told what a user should know of a run: a note of the choice of device, smaller batches, another device. */
  readonly onNotice?: (message: string) => void;
}

export function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : cancelled();
}

/** The process ended while it loaded the model. */
class EndedEarly extends Error {
  constructor(
    message: string,
    readonly killed: boolean,
  ) {
    super(message);
  }
}

export interface Started {
  readonly child: ChildProcess;
  readonly info: EvaluatorInfo;
}

/** As `startOnce`; one that a signal ended, which says nothing of the model, is begun once more. */
export async function start(options: ClientOptions): Promise<Started> {
  try {
    return await startOnce(options);
  } catch (error) {
    if (!(error instanceof EndedEarly && error.killed)) throw error;
    options.onRestart?.(error.message);
    return startOnce(options);
  }
}

/** Starts the process and waits until its model is loaded. */
function startOnce(options: ClientOptions): Promise<Started> {
  const { onProgress, signal, model, device, precision, threads, background, cacheFolder } =
    options;
  const { gpuMemory, avoid, spare } = options;
  const rest = { threads, background, cacheFolder, gpuMemory, avoid, spare };
  const request: OpenRequest = { model, device, precision, ...rest };
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const child = forkWorker();
    const abort = (): void => {
      child.kill('SIGKILL');
      reject(abortError(signal));
    };
    signal?.addEventListener('abort', abort, { once: true });
    const early = (code: number | null, killed: string | null): void => {
      signal?.removeEventListener('abort', abort);
      const message = `the evaluator process ended while it loaded the model (${killed ?? code})${lastWords(child)}`;
      reject(new EndedEarly(message, killed !== null));
    };
    child.once('exit', early);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        Object.assign(
          new Error(`the evaluator process cannot be started: ${systemReason(error)}`),
          { code: error.code },
        ),
      ),
    );
    const listen = (message: FromEvaluator): void => {
      if (message.type === 'progress') onProgress?.(message);
      if (message.type !== 'opened' && message.type !== 'failed') return;
      child.off('message', listen);
      child.off('exit', early);
      signal?.removeEventListener('abort', abort);
      if (message.type === 'opened') return resolve({ child, info: message.info });
      child.kill();
      reject(new Error(message.error));
    };
    child.on('message', listen);
    sendTo(child, { type: 'open', request });
  });
}
