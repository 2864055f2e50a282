import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CancellationToken } from 'vscode';

/** Lines of standard error that are kept: the message of a run that ended without a result, or what it warns of. */
const KEPT = 20;

export interface ToolOptions {
  /** dist/cli.js */
  readonly cli: string;
  /** `qrmLens.server.nodePath`, where it is set. */
  readonly runtime: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly token: CancellationToken;
}

/**
 * A `qrm` command with `--progress json`, in a process of its own: neither the editor nor the language server waits
 * for it. Cancelled, it keeps what it has computed, and the same command goes on from there.
 * @param onEvent progress and notes as they come
 * @returns its last event, and the lines that it warned with; undefined when cancelled
 * @throws Error with the command's own message
 */
export async function runTool<E extends { readonly type: string }>(
  args: readonly string[],
  { cli, runtime, env, token }: ToolOptions,
  onEvent: (event: Exclude<E, { type: 'done' }>) => void,
): Promise<{ done: Extract<E, { type: 'done' }>; warned: readonly string[] } | undefined> {
  const child: ChildProcess = fork(cli, [...args, '--progress', 'json'], {
    silent: true,
    execArgv: [],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ...env },
    ...(runtime !== undefined && { execPath: runtime }),
  });
  const stop = token.onCancellationRequested(() => child.kill('SIGINT'));
  const warned: string[] = [];
  let done: Extract<E, { type: 'done' }> | undefined;
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const event = JSON.parse(line) as E;
    if (event.type === 'done') done = event as Extract<E, { type: 'done' }>;
    else onEvent(event as Exclude<E, { type: 'done' }>);
  });
  createInterface({ input: child.stderr! }).on('line', (line) => {
    warned.push(line);
    if (warned.length > KEPT) warned.shift();
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  } finally {
    stop.dispose();
  }
  if (done !== undefined) return { done, warned };
  if (token.isCancellationRequested) return undefined;
  throw new Error(warned.join('\n').trim() || `qrm ${args[0]} ended with ${child.exitCode}`);
}
