import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ModelConfig } from '../checkpoint/config.js';
import {
  PARTS,
  type Arrays,
  type LayerTensor,
  type PartName,
  type Weights,
} from './layer-parts.js';
import type { PartMessage } from './part-worker.js';

/** A model of fewer weights than this is converted before a thread has started. */
const FEW = 20e6;

/** dist/convert.js: beside the bundle that runs, or in the package when run from source. */
function script(): string | undefined {
  return ['./convert.js', '../../../../dist/convert.js']
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((path) => existsSync(path));
}

interface Job {
  readonly part: PartName;
  readonly arrays: Arrays;
  readonly resolve: (tensors: LayerTensor[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Runs the parts of layer-parts.ts in threads, as many as there are cores; where there is no script for them, or too
 * little to do, in this one. The arrays belong to the pool once they are handed in, and must be JavaScript's own.
 */
export class PartPool {
  readonly #idle: Worker[] = [];
  readonly #all = new Map<Worker, Job | undefined>();
  readonly #waiting: Job[] = [];
  #failed: unknown;

  constructor(
    private readonly config: ModelConfig,
    /** Threads, at most: what can be under way at once. */
    most: number,
  ) {
    const threads = threadsFor(config, most);
    const path = threads > 0 ? script() : undefined;
    if (path === undefined) return;
    for (let n = 0; n < threads; n++) {
      const worker = new Worker(path);
      this.#all.set(worker, undefined);
      worker.on('message', (tensors: LayerTensor[]) => {
        const job = this.#all.get(worker);
        this.#all.set(worker, undefined);
        this.#idle.push(worker);
        job?.resolve(tensors);
        this.#next();
      });
      worker.on('error', (error) => this.#fail(error));
      worker.on('exit', (code) => {
        if (this.#all.has(worker)) this.#fail(new Error(`a converting thread ended (${code})`));
      });
      this.#idle.push(worker);
    }
  }

  async run(
    part: PartName,
    arrays: Readonly<Record<string, Weights | undefined>>,
  ): Promise<LayerTensor[]> {
    const given = Object.fromEntries(
      Object.entries(arrays).flatMap(([name, a]) => (a === undefined ? [] : [[name, a]])),
    );
    if (this.#all.size === 0) {
      if (this.#failed !== undefined) throw this.#failed;
      return PARTS[part](this.config, given);
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ part, arrays: given, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    const workers = [...this.#all.keys()];
    this.#all.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.pop()!;
      const job = this.#waiting.shift()!;
      this.#all.set(worker, job);
      const { part, arrays } = job;
      // A part of a larger buffer is copied.
      const buffers = new Set(
        Object.values(arrays).flatMap((given) => {
          const { buffer, byteLength } = given instanceof Float32Array ? given : given.bytes;
          return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
        }),
      );
      const message: PartMessage = { part, config: this.config, arrays };
      worker.postMessage(message, [...buffers]);
    }
  }

  #fail(error: unknown): void {
    this.#failed = error;
    const jobs = [...this.#waiting.splice(0), ...this.#all.values()];
    // What failed is told by the jobs; the other threads end with it.
    this.close().catch(() => undefined);
    for (const job of jobs) job?.reject(error);
  }
}

function threadsFor({ layers, hiddenSize, intermediateSize }: ModelConfig, most: number): number {
  const weights = layers * hiddenSize * (3 * intermediateSize + 2 * hiddenSize);
  return weights < FEW ? 0 : Math.min(most, availableParallelism());
}
