import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const CLI = join(root, 'dist/cli.js');
export const HH = join(root, 'examples/hh-harmless.jsonl.gz');
/** A model of 64 dimensions: what it says does not matter here, that it runs does. */
export const MODEL = join(root, 'test/fixtures/golden/llama3-qrm-k5-m3');
export const SARIF_SCHEMA = join(root, 'test/fixtures/sarif/sarif-2.1.0-rtm.5.json');

if (!existsSync(CLI)) throw new Error(`${CLI} is missing: run npm run build first`);

export interface Result {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of its own for the files and the score store of a test. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'qrm-cli-'));
  private readonly children = new Set<ChildProcess>();

  path(name: string): string {
    return join(this.folder, name);
  }

  start(args: readonly string[]): { child: ChildProcess; done: Promise<Result> } {
    const child = spawn(process.execPath, [CLI, ...args], {
      cwd: this.folder,
      env: {
        ...process.env,
        // Scores are the test's own; converted models may be shared.
        QRM_LENS_CACHE: this.folder,
        NO_COLOR: '1',
        FORCE_COLOR: undefined,
      },
    });
    return { child, done: this.ended(child) };
  }

  /** A line of bash; $Q is the program, $M the options of a small model. @param before what runs bash */
  shell(script: string, before: readonly string[] = []): Promise<Result> {
    const [command = '', ...args] = [...before, 'bash', '-c', script];
    const model = `--model ${MODEL} --device cpu --precision float32`;
    const program = `${process.execPath} ${CLI}`;
    const env = { ...process.env, QRM_LENS_CACHE: this.folder, Q: program, M: model };
    return this.ended(spawn(command, args, { cwd: this.folder, env }));
  }

  private ended(child: ChildProcessWithoutNullStreams): Promise<Result> {
    this.children.add(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (d: Buffer) => (stdout += d.toString()));
    child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
    return new Promise<Result>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => {
        this.children.delete(child);
        resolve({ code, signal, stdout, stderr });
      });
    });
  }

  run(...args: string[]): Promise<Result> {
    return this.start(args).done;
  }

  /** With the small model. */
  score(...args: string[]): Promise<Result> {
    return this.run(...args, '--model', MODEL, '--device', 'cpu', '--precision', 'float32');
  }

  async end(): Promise<void> {
    for (const child of this.children) child.kill('SIGKILL');
    await Promise.resolve();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The first lines of the real dataset. */
export const hhLines = (from: number, to: number): string[] =>
  gunzipSync(readFileSync(HH)).toString('utf8').split('\n').slice(from, to);

export const jsonLines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
