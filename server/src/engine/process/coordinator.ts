import { messageOf } from '../../errors.js';
import type { OpenedModel } from '../../model/bundle/bundle.js';
import { probe } from '../device/probe.js';
import { Growth, LOOK_MS } from '../batches/growth.js';
import type { FromEvaluator, OpenRequest, ToEvaluator } from './messages.js';
import { openRunning } from './opening.js';
import { conversationPaths } from '../paths.js';
import { WorkQueue, type Queued } from '../batches/queue.js';
import type { RunnerPool } from '../batches/runner-pool.js';
import { scoreOf } from '../score-of.js';
import { isDeviceLost, isOutOfMemory, TokenBudget } from '../batches/token-budget.js';
import { StatesServer } from '../states.js';
import { planTrees, type PlannedTree } from '../trees/trees.js';
import type { GroupResult, ScoreGroup, TargetResult } from '../types.js';

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
  const states = new StatesServer();
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
        send({ type: 'probed', result: await probe(message.provider) });
        return;
      case 'states':
        send({ type: 'states', id: message.id, answer: await states.answer(message.work) });
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
  #finished = 0;
  #pumping = false;
  #saidSmaller = false;

  private constructor(
    private readonly model: OpenedModel,
    private readonly pool: RunnerPool,
    private readonly budget: TokenBudget,
    private readonly prefix: readonly number[],
    private readonly send: (message: FromEvaluator) => void,
  ) {}

  static async open(
    script: URL,
    request: OpenRequest,
    send: (message: FromEvaluator) => void,
  ): Promise<Coordinator> {
    const began = Date.now();
    const { model, pool, budget, prefix, info } = await openRunning(script, request, (progress) =>
      send({ type: 'progress', ...progress }),
    );
    send({ type: 'opened', info });
    const coordinator = new Coordinator(model, pool, new TokenBudget(budget), prefix, send);
    coordinator.#watchMemory(new Growth(request.spare, Date.now() - began));
    return coordinator;
  }

  #watchMemory(growth: Growth): void {
    let seen = 0;
    const look = (): void => {
      const quiet = seen === this.#finished ? 'quiet' : 'between';
      seen = this.#finished;
      if (seen > 0 && growth.excessive(this.#jobs.size > 0 ? 'busy' : quiet))
        this.send({ type: 'grown' });
    };
    setInterval(look, LOOK_MS).unref();
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
      const items = this.#queue.take(this.budget.tokens);
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
      // Who asked begins this process anew, and all that is under way with it.
      if (isDeviceLost(messageOf(error))) return fatal(error);
      if (this.#again(items, messageOf(error))) return;
      for (const { job, planned, slots } of items) {
        for (const { path } of planned.sources) {
          const { conversation, target } = slots[path]!;
          job.results[conversation]![target] = { ok: false, error: messageOf(error) };
        }
      }
    }
    for (const { job } of items) if (--job.waiting === 0) this.#finish(job);
  }

  /** Out of memory: what was in the batch waits again, for smaller ones. */
  #again(items: readonly Item[], error: string): boolean {
    const tokens = items.reduce((n, item) => n + item.tokens, 0);
    if (!isOutOfMemory(error) || !this.budget.shrink(tokens, items.length)) return false;
    for (const item of items) if (this.#jobs.has(item.group)) this.#queue.add(item);
    if (!this.#saidSmaller) {
      this.#saidSmaller = true;
      const message = `a batch of ${tokens} tokens did not fit in memory: smaller ones are run, nothing is lost`;
      this.send({ type: 'notice', message });
    }
    return true;
  }

  #finish(job: Job): void {
    this.#finished++;
    if (!this.#jobs.delete(job.id)) return; // cancelled
    const result: GroupResult = { results: job.results as TargetResult[][] };
    this.send({ type: 'result', id: job.id, result });
  }
}
