import { availableParallelism, setPriority } from 'node:os';
import { openModel, type OpenedModel } from '../../model/bundle/bundle.js';
import { bytesOf, isForCpu, linearWeights, tokenBytes } from '../../model/bundle/backbone/form.js';
import { cacheIfAny } from '../../model/bundle/model-cache.js';
import { readPrefix } from '../../model/bundle/backbone/prefix.js';
import type { Provider } from '../../protocol/index.js';
import { buildHeads } from '../../model/heads/heads-graph.js';
import { kernelsFor } from '../backbone/backbone.js';
import { chooseDevice } from '../device/choose.js';
import { memoryFor } from '../device/memory.js';
import { kernelSet } from '../identity.js';
import type { OpenRequest } from './messages.js';
import { RunnerPool } from '../batches/runner-pool.js';
import { gpuBudget } from '../batches/token-budget.js';
import type { EvaluatorInfo } from '../types.js';

/** Tokens of one run: activations of a few hundred tokens stay in a core's L2 cache. */
const CPU_BUDGET = 512;
/** Our own kernels keep less of a token, and read the weights once a run. */
const NATIVE_BUDGET = 768;
/** Models up to this many weights get a session for each thread; larger ones share one. */
const SMALL = 1e9;

/** A model on its device, with the threads that run it. */
export interface Running {
  readonly model: OpenedModel;
  readonly pool: RunnerPool;
  /** Tokens of a batch. */
  readonly budget: number;
  /** The stored beginning, which costs nothing. */
  readonly prefix: readonly number[];
  readonly info: EvaluatorInfo;
}

/**
 * Chooses device and precision, converts the model where it must be, and starts its runners.
 * @throws Error in plain words when the model or the device cannot be used
 */
export async function openRunning(
  script: URL,
  request: OpenRequest,
  onProgress: (progress: { message: string; fraction?: number }) => void,
): Promise<Running> {
  if (request.background) setPriority(10);
  const cache = request.cacheFolder ?? cacheIfAny();
  const chosen = await chooseDevice(request.device, cache, request.avoid);
  const notes = chosen.note === undefined ? [] : [chosen.note];
  const { precision: wanted, cacheFolder } = request;
  const limit = request.gpuMemory === undefined ? undefined : 1e9 * request.gpuMemory;
  const load = async (provider: Provider): Promise<[OpenedModel, number | undefined]> => {
    const memory = await memoryFor(provider, limit);
    const target = { provider, memory };
    const options = { precision: wanted, target, cacheFolder, onProgress };
    return [await openModel(request.model, options), memory];
  };
  let { provider } = chosen;
  let [model, memory] = await load(provider);
  if (isForCpu(model.form) && provider !== 'cpu') {
    if (request.device !== 'auto') {
      throw new Error(
        `device ${provider}: the bundle's ${model.precision} weights are laid out for the cpu; give the checkpoint itself`,
      );
    }
    provider = 'cpu';
    [model, memory] = await load(provider);
  }
  if (model.note !== undefined) notes.push(model.note);
  const threads = Math.max(1, request.threads ?? availableParallelism());
  const { config, precision, form } = model;
  // Our own kernels share one copy of the weights among all threads.
  const native = kernelsFor(config, { precision, provider })?.set;
  const apart = provider === 'cpu' && linearWeights(config) < SMALL ? Math.min(threads, 8) : 1;
  const runners = native === undefined ? apart : threads;
  const pool = await RunnerPool.start(
    script,
    {
      role: 'runner',
      backbone: model.backbonePath,
      heads: buildHeads(model.heads),
      config,
      options: {
        provider,
        precision,
        paths: form.variant !== undefined,
        threads: Math.max(1, Math.floor(threads / runners)),
      },
    },
    runners,
    form.variant !== undefined && provider !== 'cpu' ? 2 : 1,
  );
  const left = memory === undefined ? undefined : memory - bytesOf(form, config, provider);
  const gpu = gpuBudget(left, tokenBytes(form, config));
  const { spec, name, modelHash, maxTokens, reference } = model;
  return {
    model,
    pool,
    budget: native !== undefined ? NATIVE_BUDGET : provider === 'cpu' ? CPU_BUDGET : gpu,
    prefix: await readPrefix(model.backbonePath),
    info: {
      spec,
      modelName: name,
      modelHash,
      precision,
      executionProvider: provider,
      kernels: kernelSet(provider, native),
      ...(notes.length > 0 ? { notes } : {}),
      maxTokens,
      ...(reference && { reference }),
    },
  };
}
