import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { CancellationToken } from 'vscode';

/** Lines of standard error that are kept: the message of a run that ended without a result, or what it warns of. */
const KEPT = 20;

export interface ToolSetup {
  /** dist/cli.js */
  readonly cli: string;
  /** `qrmLens.server.nodePath`, where it is set. */
  readonly runtime: string | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export interface ToolOptions extends ToolSetup {
  readonly token: CancellationToken;
}

export interface RunningTool {
  readonly child: ChildProcess;
  /** The last lines of its standard error, once it has ended. @throws Error where it cannot be started */
  readonly ended: Promise<readonly string[]>;
}

/** Starts a `qrm` command in a process of its own: neither the editor nor the language server waits for it. */
export function startTool(
  args: readonly string[],
  { cli, runtime, env }: ToolSetup,
  onLine: (line: string) => void,
): RunningTool {
  const child = fork(cli, args, {
    silent: true,
    execArgv: [],
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1', ...env },
    ...(runtime !== undefined && { execPath: runtime }),
  });
  const warned: string[] = [];
  createInterface({ input: child.stdout! }).on('line', onLine);
  createInterface({ input: child.stderr! }).on('line', (line) => {
    warned.push(line);
    if (warned.length > KEPT) warned.shift();
  });
  const ended = new Promise<readonly string[]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(warned));
  });
  return { child, ended };
}

/** Its own message, or how it ended. */
export const failureOf = (
  command: string,
  { child }: RunningTool,
  warned: readonly string[],
): string => warned.join('\n').trim() || `qrm ${command} ended with ${child.exitCode}`;

/**
 * A `qrm` command with `--progress json`. Cancelled, it keeps what it has computed, and the same command goes on from there.
 * @param onEvent progress and notes as they come
 * @returns its last event, and the lines that it warned with; undefined when cancelled
 * @throws Error with the command's own message
 */
export async function runTool<E extends { readonly type: string }>(
  args: readonly string[],
  { token, ...setup }: ToolOptions,
  onEvent: (event: Exclude<E, { type: 'done' }>) => void,
): Promise<{ done: Extract<E, { type: 'done' }>; warned: readonly string[] } | undefined> {
  let done: Extract<E, { type: 'done' }> | undefined;
  const tool = startTool([...args, '--progress', 'json'], setup, (line) => {
    const event = JSON.parse(line) as E;
    if (event.type === 'done') done = event as Extract<E, { type: 'done' }>;
    else onEvent(event as Exclude<E, { type: 'done' }>);
  });
  const stop = token.onCancellationRequested(() => tool.child.kill('SIGINT'));
  const warned = await tool.ended.finally(() => stop.dispose());
  if (done !== undefined) return { done, warned };
  if (token.isCancellationRequested) return undefined;
  throw new Error(failureOf(args[0] ?? '', tool, warned));
}
