import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../test/bench/torch_reference.py', import.meta.url));

/** PyTorch in a process of its own, asked one thing at a time. */
export class Torch {
  readonly #answers: AsyncIterator<string>;

  private constructor(private readonly child: ChildProcess) {
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Undefined, with the reason printed, where Python has no torch and transformers. */
  static async start(python: string, folder: string): Promise<Torch | undefined> {
    const child = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    const torch = new Torch(child);
    try {
      const { torch: version, threads } = await torch.ask({ load: folder });
      console.log(`PyTorch ${String(version)}, ${String(threads)} threads (${python})`);
      return torch;
    } catch {
      console.log(
        `PyTorch is left out: ${python} cannot import torch and transformers.` +
          ' pip install torch==2.13.0 transformers, or name another with QRM_BENCH_PYTHON.',
      );
      return undefined;
    }
  }

  async ask(command: object): Promise<Record<string, unknown>> {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('PyTorch ended');
    return JSON.parse(value as string) as Record<string, unknown>;
  }

  close(): void {
    this.child.kill();
  }
}
