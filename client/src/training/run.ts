import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CancellationToken } from 'vscode';
import type { TrainEvent } from '../../../server/src/protocol/index.js';

/** Lines of standard error that are kept for the message of a run that ended without one. */
const KEPT = 20;

/**
 * `qrm train` in a process of its own: neither the editor nor the language server waits for it. Cancelled,
 * it keeps what it has computed, and the same config goes on from there.
 * @param onEvent progress and notes as they come
 * @returns what was made; undefined when cancelled
 * @throws Error with the run's own message
 */
export async function runTraining(
  cli: string,
  config: string,
  runtime: string | undefined,
  token: CancellationToken,
  onEvent: (event: TrainEvent) => void,
): Promise<Extract<TrainEvent, { type: 'done' }> | undefined> {
  const child: ChildProcess = fork(cli, ['train', '--config', config, '--progress', 'json'], {
    silent: true,
    execArgv: [],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    ...(runtime !== undefined && { execPath: runtime }),
  });
  const stop = token.onCancellationRequested(() => child.kill('SIGINT'));
  const errors: string[] = [];
  let done: Extract<TrainEvent, { type: 'done' }> | undefined;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const event = JSON.parse(line) as TrainEvent;
    if (event.type === 'done') done = event;
    else onEvent(event);
  });
  createInterface({ input: child.stderr! }).on('line', (line) => {
    errors.push(line);
    if (errors.length > KEPT) errors.shift();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  } finally {
    stop.dispose();
  }
  if (done !== undefined) return done;
  if (token.isCancellationRequested) return undefined;
  throw new Error(errors.join('\n').trim() || `qrm train ended with ${child.exitCode}`);
}
