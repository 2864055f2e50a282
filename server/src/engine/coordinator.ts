import { messageOf } from '../errors.js';
import { availableParallelism, setPriority } from 'node:os';
import { buildHeads } from '../model/heads/heads-graph.js';
import { openModel, type OpenedModel } from '../model/bundle/bundle.js';
import { readPrefix } from '../model/bundle/prefix.js';
import { expectation, mixQuantiles, poolQuantiles } from '../qrm/index.js';
import type { QrmSpec, RewardScore } from '../qrm/types.js';
import { kernelsFor } from './backbone.js';
import { conversationPaths } from './paths.js';
import { type FromEvaluator, type OpenRequest, type ToEvaluator } from './messages.js';
import { probe } from './probe.js';
import { chooseProvider } from './providers.js';
import { WorkQueue, type Queued } from './queue.js';
import { RunnerPool } from './runner-pool.js';
import { planTrees, type PlannedTree } from './trees.js';
import type { GroupResult, ScoreGroup, TargetResult } from './types.js';

/** Tokens of one run: activations of a few hundred tokens stay in a core's L2 cache. */
const CPU_BUDGET = 512;
/** Our own kernels keep less of a token, and read the weights once a run. */
const NATIVE_BUDGET = 768;
const GPU_BUDGET = 8192;
/** Models up to this many weights get a session for each thread; larger ones share one. */
const SMALL = 1e9;

/** One tree of a group's tokens, waiting for its batch. */
interface Item extends Queued {
  readonly planned: PlannedTree;
  readonly job: Job;
  /** Of each path of the group: where its result belongs. */
  readonly slots: readonly Slot[];
}

interface Slot {
  readonly conversation: number;
  readonly target: number;
  readonly tokens: number;
  readonly truncatedTokens: number;
}

interface Job {
  readonly id: number;
  readonly results: (TargetResult | undefined)[][];
  waiting: number;
}

/** A fault of ours: the process ends, and whoever asked begins another. */
const fatal = (error: unknown): void => {
  setImmediate(() => {
    throw error;
  });
};

/** The body of the evaluator's process. */
export function evaluatorMain(script: URL): void {
  const send = (message: FromEvaluator): void => {
    if (process.connected) process.send?.(message);
  };
  let coordinator: Coordinator | undefined;
  const handle = async (message: ToEvaluator): Promise<void> => {
    switch (message.type) {
      case 'open':
        try {
          coordinator = await Coordinator.open(script, message.request, send);
        } catch (error) {
          send({ type: 'failed', error: messageOf(error) });
        }
        return;
      case 'score':
        coordinator?.add(message.id, message.group, message.priority);
        return;
      case 'cancel':
        coordinator?.cancel(message.id);
        return;
      case 'probe':
        send({ type: 'probed', error: await probe(message.provider) });
        return;
      case 'close':
        process.exit(0);
    }
  };
  process.on('message', (message: ToEvaluator) => {
    handle(message).catch(fatal);
  });
  // The parent is gone: nobody waits for the results.
  process.on('disconnect', () => process.exit(0));
}

/** Turns groups into token trees, trees into batches, batches into scores. */
class Coordinator {
  readonly #queue = new WorkQueue<Item>();
  readonly #jobs = new Map<number, Job>();
  #pumping = false;

  private constructor(
    private readonly model: OpenedModel,
    private readonly pool: RunnerPool,
    private readonly budget: number,
    private readonly prefix: readonly number[],
    private readonly send: (message: FromEvaluator) => void,
  ) {}

  static async open(
    script: URL,
    request: OpenRequest,
    send: (message: FromEvaluator) => void,
  ): Promise<Coordinator> {
    if (request.background) setPriority(10);
    let provider = await chooseProvider(request.device);
    const model = await openModel(request.model, {
      precision: request.precision,
      preferred: provider === 'cpu' ? 'int8' : 'float32',
      cacheFolder: request.cacheFolder,
      onProgress: (progress) => send({ type: 'progress', ...progress }),
    });
    if (model.precision === 'int8' && provider !== 'cpu') {
      // The int8 graph is made of the CPU's operators.
      if (request.device !== 'auto') {
        throw new Error(`device ${provider}: the model is int8, which runs on the cpu only`);
      }
      provider = 'cpu';
    }
    const threads = Math.max(1, request.threads ?? availableParallelism());
    const { config } = model;
    const weights =
      config.layers *
      config.hiddenSize *
      (3 * config.intermediateSize + 2 * (config.heads + config.kvHeads) * config.headDim);
    const { precision } = model;
    // Our own kernels share one copy of the weights among all threads.
    const native = kernelsFor(config, { precision, provider }) !== undefined;
    const apart = provider === 'cpu' && weights < SMALL ? Math.min(threads, 8) : 1;
    const runners = native ? threads : apart;
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
          threads: Math.max(1, Math.floor(threads / runners)),
        },
      },
      runners,
    );
    const budget = native ? NATIVE_BUDGET : provider === 'cpu' ? CPU_BUDGET : GPU_BUDGET;
    // Before `opened`: the parent sends groups at once, and they must find the coordinator there.
    const prefix = await readPrefix(model.backbonePath);
    const { spec, name, modelHash, maxTokens, reference } = model;
    send({
      type: 'opened',
      info: {
        spec,
        modelName: name,
        modelHash,
        precision,
        executionProvider: provider,
        maxTokens,
        ...(reference && { reference }),
      },
    });
    return new Coordinator(model, pool, budget, prefix, send);
  }

  add(id: number, group: ScoreGroup, priority: number): void {
    const job: Job = {
      id,
      results: group.conversations.map((c) => c.targets.map(() => undefined)),
      waiting: 0,
    };
    this.#jobs.set(id, job);
    const paths: { ids: readonly number[]; wanted: readonly number[] }[] = [];
    const slots: Slot[] = [];
    for (const [conversation, c] of group.conversations.entries()) {
      try {
        const found = conversationPaths(this.model, c);
        for (const [target, tokens] of found.entries()) {
          if ('error' in tokens) {
            job.results[conversation]![target] = { ok: false, error: tokens.error };
            continue;
          }
          const { ids, reward, gate, truncatedTokens } = tokens;
          paths.push({ ids, wanted: [reward, gate] });
          slots.push({ conversation, target, tokens: ids.length, truncatedTokens });
        }
      } catch (error) {
        job.results[conversation]!.fill({ ok: false, error: messageOf(error) });
      }
    }
    for (const planned of planTrees(paths, this.prefix.length)) {
      job.waiting++;
      this.#queue.add({ group: id, priority, tokens: planned.tokens, planned, job, slots });
    }
    if (job.waiting === 0) this.#finish(job);
    else this.#pump().catch(fatal);
  }

  cancel(id: number): void {
    this.#queue.remove(id);
    this.#jobs.delete(id);
  }

  /** Keeps every runner busy while work waits. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    // Let the messages that have arrived be read first, so that a batch is full.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.pool.free && this.#queue.length > 0) {
      const items = this.#queue.take(this.budget);
      this.#run(items)
        .then(() => this.#pump())
        .catch(fatal);
    }
    this.#pumping = false;
  }

  async #run(items: readonly Item[]): Promise<void> {
    try {
      const reward: number[] = [];
      const gating: number[] = [];
      const where: { item: Item; slot: Slot }[] = [];
      let target = 0;
      for (const item of items) {
        const first = new Map<number, number>();
        for (const { path, position } of item.planned.sources) {
          if (position === 0) first.set(path, target);
          else {
            where.push({ item, slot: item.slots[path]! });
            reward.push(first.get(path)!);
            gating.push(target);
          }
          target++;
        }
      }
      const out = await this.pool.run({
        trees: items.map((i) => i.planned.tree),
        reward: Int32Array.from(reward),
        gating: Int32Array.from(gating),
      });
      const { spec } = this.model;
      const size = spec.attributes.length * spec.levels.length;
      const M = spec.attributes.length;
      for (const [n, { item, slot }] of where.entries()) {
        item.job.results[slot.conversation]![slot.target] = scoreOf(
          out.quantiles.slice(n * size, (n + 1) * size),
          out.gate.slice(n * M, (n + 1) * M),
          spec,
          slot,
        );
      }
    } catch (error) {
      for (const { job, planned, slots } of items) {
        for (const { path } of planned.sources) {
          const { conversation, target } = slots[path]!;
          job.results[conversation]![target] = { ok: false, error: messageOf(error) };
        }
      }
    }
    for (const { job } of items) if (--job.waiting === 0) this.#finish(job);
  }

  #finish(job: Job): void {
    if (!this.#jobs.delete(job.id)) return; // cancelled
    const result: GroupResult = { results: job.results as TargetResult[][] };
    this.send({ type: 'result', id: job.id, result });
  }
}

function scoreOf(
  attributeQuantiles: Float32Array,
  gate: Float32Array,
  spec: QrmSpec,
  slot: Slot,
): TargetResult {
  const mixed = (spec.pooled ? poolQuantiles : mixQuantiles)(attributeQuantiles, gate);
  const mean = expectation(mixed);
  if (!Number.isFinite(mean)) {
    return { ok: false, error: 'the model gave a score that is not a number' };
  }
  const score: RewardScore = {
    attributeQuantiles,
    gate,
    quantiles: Float32Array.from(mixed),
    expectation: mean,
    tokens: slot.tokens,
    truncatedTokens: slot.truncatedTokens,
  };
  return { ok: true, score };
}
