import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ToEvaluator } from './messages.js';

/** dist/worker.js: beside the bundle that runs, or in the package when run from source. */
export function workerScript(): string {
  const beside = fileURLToPath(new URL('./worker.js', import.meta.url));
  if (existsSync(beside)) return beside;
  return fileURLToPath(new URL('../../../../dist/worker.js', import.meta.url));
}

/** Characters of a process's last words that are kept. */
const KEPT = 4000;
const words = new WeakMap<ChildProcess, string>();

/**
 * Starts an evaluator's process. Native libraries write what they please to standard error (every probe
 * of a missing driver): it is kept for the case of a crash and shown only with QRM_DEBUG=1.
 */
export function forkWorker(): ChildProcess {
  const child = fork(workerScript(), [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words.set(child, ((words.get(child) ?? '') + text).slice(-KEPT));
    if (process.env['QRM_DEBUG'] === '1') process.stderr.write(text);
  });
  return child;
}

/** Sends where the process was made at all; where it was not (no descriptors, no memory), its `error` says so. */
export function sendTo(child: ChildProcess, message: ToEvaluator): void {
  if (child.connected) child.send(message, () => undefined);
}

/** What Node writes after an error's own words: where it was thrown, and its version. */
const AFTER = /^(?:\s+at |[{}]|Node\.js v|\s*$)/;

/** The last line that says something of what a process wrote to standard error, in brackets, or nothing. */
export function lastWords(child: ChildProcess): string {
  const lines = (words.get(child) ?? '').trim().split('\n');
  const line = lines.filter((text) => !AFTER.test(text)).at(-1);
  return line ? ` [${line.slice(0, 300)}]` : '';
}
