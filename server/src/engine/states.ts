import type { ChildProcess } from 'node:child_process';
import { messageOf } from '../errors.js';
import { chooseForm, type Form } from '../model/bundle/backbone/form.js';
import { cacheIfAny } from '../model/bundle/model-cache.js';
import { readPrefix } from '../model/bundle/backbone/prefix.js';
import type { ModelConfig } from '../model/checkpoint/config.js';
import type { Precision, Provider } from '../protocol/index.js';
import { kernelsFor, loadBackbone, type BackboneOptions } from './backbone/backbone.js';
import { chooseDevice } from './device/choose.js';
import { memoryFor } from './device/memory.js';
import { kernelSet } from './identity.js';
import type { Backbone } from './backbone/loaded.js';
import type { Device, FromEvaluator, StatesWork, ToEvaluator } from './process/messages.js';
import type { TokenTree } from './trees/packing.js';
import { abortError } from './process/starting.js';
import { isOutOfMemory } from './batches/token-budget.js';
import { forkWorker, lastWords } from './process/worker-process.js';

export { freeMemory } from './device/memory.js';

/** On which device a backbone is to run, and how exactly. */
export interface PlaceRequest {
  readonly device: Device;
  readonly precision: 'auto' | Precision;
  /** Bytes of the GPU's memory that may be used; default: what is free. */
  readonly gpuMemory?: number;
}

export interface Place {
  readonly provider: Provider;
  readonly form: Form;
  /** What rounds the numbers there: see `kernelSet`. */
  readonly kernels: string;
  /** What a user should know of the choice. */
  readonly notes: readonly string[];
}

/**
 * Chooses device and precision for a backbone whose hidden states are wanted.
 * @param keeps whether hidden states are kept from such a place: `auto` stays with it, whatever memory is free today
 * @throws Error when the device, or the precision there, cannot be used
 */
export async function placeBackbone(
  { device, precision, gpuMemory }: PlaceRequest,
  config: ModelConfig,
  keeps: (place: Place) => Promise<boolean>,
): Promise<Place> {
  const { provider, note } = await chooseDevice(device, cacheIfAny());
  const notes = note === undefined ? [] : [note];
  const at = (form: Form): Place => {
    const native = kernelsFor(config, { provider, precision: form.precision })?.set;
    return { provider, form, kernels: kernelSet(provider, native), notes };
  };
  const first = at(chooseForm(precision, config, { provider }));
  if (provider === 'cpu' || precision !== 'auto' || (await keeps(first))) return first;
  const memory = await memoryFor(provider, gpuMemory);
  const { note: smaller, ...form } = chooseForm(precision, config, { provider, memory });
  return { ...at(form), notes: smaller === undefined ? notes : [...notes, smaller] };
}

/**
 * A backbone on its device: the CPU's in this process, a GPU's in one of its own, where its driver finds its libraries
 * and a crash of it is an error here. What does not fit in memory at once is run in halves.
 * @param path the .onnx file
 * @throws Error when it cannot be loaded; AbortError
 */
export async function openBackbone(
  path: string,
  config: ModelConfig,
  options: BackboneOptions,
  signal?: AbortSignal,
): Promise<Backbone> {
  const backbone = await (options.provider === 'cpu'
    ? loadBackbone(path, config, options)
    : BackboneApart.open(path, config, options, signal));
  const run = async (trees: readonly TokenTree[]): Promise<Float32Array> => {
    try {
      return await backbone.run(trees);
    } catch (error) {
      if (trees.length < 2 || !isOutOfMemory(messageOf(error))) throw error;
      const half = trees.length >> 1;
      const [a, b] = [await run(trees.slice(0, half)), await run(trees.slice(half))];
      const both = new Float32Array(a.length + b.length);
      both.set(a);
      both.set(b, a.length);
      return both;
    }
  };
  return { prefix: backbone.prefix, run, release: () => backbone.release() };
}

/** A backbone in a process of its own. */
export class BackboneApart implements Backbone {
  readonly #waiting = new Map<number, (answer: Float32Array | Error) => void>();
  #next = 1;
  #ended: Error | undefined;

  private constructor(
    private readonly child: ChildProcess,
    readonly prefix: readonly number[],
  ) {
    child.on('message', (message: FromEvaluator) => {
      if (message.type !== 'states') return;
      const { id, answer } = message;
      this.#settle(id, typeof answer === 'string' ? new Error(answer) : answer);
    });
    child.once('error', (error) => this.#end(error));
    child.once('exit', (code, by) =>
      this.#end(new Error(`the backbone's process ended (${by ?? code})${lastWords(child)}`)),
    );
  }

  /** @throws as `openBackbone` */
  static async open(
    path: string,
    config: ModelConfig,
    options: BackboneOptions,
    signal?: AbortSignal,
  ): Promise<BackboneApart> {
    const prefix = await readPrefix(path);
    if (signal?.aborted) throw abortError(signal);
    const backbone = new BackboneApart(forkWorker(), prefix);
    const abort = (): void => {
      backbone.#end(abortError(signal));
      backbone.child.kill('SIGKILL');
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await backbone.#ask({ open: { path, config, options } });
      return backbone;
    } catch (error) {
      backbone.child.kill('SIGKILL');
      throw error;
    }
  }

  /** As `Backbone.run`. @throws Error of the device, or that its process ended; AbortError */
  async run(trees: readonly TokenTree[]): Promise<Float32Array> {
    return this.#ask({ trees });
  }

  async release(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  #ask(work: StatesWork): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const id = this.#next++;
      this.#waiting.set(id, (answer) =>
        answer instanceof Error ? reject(answer) : resolve(answer),
      );
      this.child.send({ type: 'states', id, work } satisfies ToEvaluator, () => undefined);
    });
  }

  #settle(id: number, answer: Float32Array | Error): void {
    this.#waiting.get(id)?.(answer);
    this.#waiting.delete(id);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const id of [...this.#waiting.keys()]) this.#settle(id, this.#ended);
  }
}

/** The other side: answers what `BackboneApart` asks, in the process that was begun for it. */
export class StatesServer {
  #backbone: Promise<Backbone> | undefined;

  /** @returns hidden states, none for an opening; or in words why not */
  async answer(work: StatesWork): Promise<Float32Array | string> {
    try {
      if ('open' in work) {
        const { path, config, options } = work.open;
        await (this.#backbone = loadBackbone(path, config, options));
        return new Float32Array();
      }
      if (this.#backbone === undefined) return 'no backbone is open';
      return await (await this.#backbone).run(work.trees);
    } catch (error) {
      return messageOf(error);
    }
  }
}
