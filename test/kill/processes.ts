import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MODEL, root } from '../integration/lsp/editor/client.js';

/** The tiny golden checkpoint, on the CPU. */
export const ENGINE = ['--model', MODEL, '--device', 'cpu', '--precision', 'float32'] as const;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way in `folder`, with the cache there. */
export class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  over = false;
  stderr = '';

  constructor(folder: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [join(root, 'dist/cli.js'), ...args], {
      cwd: folder,
      env: { ...process.env, QRM_LENS_CACHE: join(folder, 'cache'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    let stdout = '';
    child.stdout.on('data', (d: Buffer) => (stdout += d.toString()));
    child.stderr.on('data', (d: Buffer) => (this.stderr += d.toString()));
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        this.over = true;
        resolve({ code, signal, stdout, stderr: this.stderr });
      });
    });
  }

  /** Waits for a word on standard error, or the end. */
  async says(word: string): Promise<void> {
    while (!this.over && !this.stderr.includes(word)) await sleep(2);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Process ids of what `parent` forked: its evaluator, not its reader (Linux). */
export function evaluatorsOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const of = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
        return Number(of) === parent && line.includes('worker.js');
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** @returns whether it was there */
export function killed(pid: number | undefined): boolean {
  if (pid === undefined) return false;
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}

/** Ended in good order, without a stack or a word of damage. */
export async function good(run: Run): Promise<Ended> {
  const ended = await run.ended;
  if (ended.code !== 0) throw new Error(`exit ${ended.code ?? ended.signal}\n${ended.stderr}`);
  if (/damaged|\n\s+at /.test(ended.stderr))
    throw new Error(`a warning or a stack\n${ended.stderr}`);
  return ended;
}
