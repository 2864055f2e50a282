import { Worker } from 'node:worker_threads';
import type { NumberedReply, NumberedRequest, RunnerData, RunReply, RunRequest } from './runner.js';

interface Runner {
  readonly worker: Worker;
  /** Who waits for a reply, by the number of the batch; 0: for the runner to be ready. */
  readonly waiting: Map<number, (reply: RunReply) => void>;
}

/**
 * Threads that each hold a session and run one batch at a time: two runs of one thread each are faster
 * than one run of two, since operators on small batches divide badly. The runner of a GPU is given two: it lays
 * out the next while the GPU works.
 */
export class RunnerPool {
  readonly #idle: Runner[] = [];
  readonly #all: Runner[] = [];
  #closing = false;
  #next = 1;

  private constructor(private readonly depth: number) {}

  /**
   * @param script the bundle whose entry calls `runnerMain` in a thread
   * @param depth batches that a runner is given at once
   */
  static async start(script: URL, data: RunnerData, count: number, depth = 1): Promise<RunnerPool> {
    const pool = new RunnerPool(depth);
    // The first alone: a model that does not load fails once, and the file is then in the page cache.
    await pool.#startOne(script, data);
    await Promise.all(Array.from({ length: count - 1 }, () => pool.#startOne(script, data)));
    return pool;
  }

  async #startOne(script: URL, data: RunnerData): Promise<void> {
    const runner: Runner = {
      worker: new Worker(script, { workerData: data }),
      waiting: new Map(),
    };
    this.#all.push(runner);
    const ready = new Promise<RunReply>((resolve) => runner.waiting.set(0, resolve));
    runner.worker.on('message', ({ id, reply }: NumberedReply) => {
      const settle = runner.waiting.get(id);
      runner.waiting.delete(id);
      for (let n = id === 0 ? this.depth : 1; n > 0; n--) this.#idle.push(runner);
      settle?.(reply);
    });
    // Nothing sane is left of a thread that died: the process ends, and its parent begins it anew.
    runner.worker.on('error', (error) => {
      console.error(error);
      process.exit(70);
    });
    runner.worker.on('exit', (code) => {
      if (this.#closing) return;
      console.error(`a runner thread ended (${code})`);
      process.exit(70);
    });
    const reply = await ready;
    if ('error' in reply) throw new Error(reply.error);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#all.map((runner) => runner.worker.terminate()));
  }

  /** Is a thread free? */
  get free(): boolean {
    return this.#idle.length > 0;
  }

  /** Runs a batch on a free thread. @throws Error when the run failed */
  async run(request: RunRequest): Promise<Exclude<RunReply, { error: string } | { ready: true }>> {
    const runner = this.#idle.pop();
    if (!runner) throw new Error('no runner is free');
    const id = this.#next++;
    const answer = new Promise<RunReply>((resolve) => runner.waiting.set(id, resolve));
    runner.worker.postMessage({ id, request } satisfies NumberedRequest);
    const reply = await answer;
    if ('error' in reply) throw new Error(reply.error);
    if ('ready' in reply) throw new Error('a runner answered out of turn');
    return reply;
  }
}
