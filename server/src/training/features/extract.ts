import { openBackbone } from '../../engine/states.js';
import { readPrefix } from '../../model/bundle/backbone/prefix.js';
import { planTrees, type PlannedTree } from '../../engine/trees/trees.js';
import type { ChatMessage } from '../../engine/types.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import type { Precision, Provider } from '../../protocol/index.js';
import type { ChatTokenizer } from '../../model/tokenizer/chat-tokenizer.js';
import { featureKey, type FeatureStore } from './feature-store.js';

/** A conversation as the backbone sees it; it ends with the assistant's turn that is scored. */
export interface Encoded {
  readonly key: string;
  readonly ids: readonly number[];
  readonly reward: number;
  readonly gate: number;
}

/**
 * The tokens of a conversation.
 * @returns why it cannot be scored in place of them: too long, no assistant's turn at the end
 */
export function encode(
  tokenizer: ChatTokenizer,
  messages: readonly ChatMessage[],
  maxTokens: number,
): Encoded | { error: string } {
  const [path] = tokenizer.paths(messages, [messages.length - 1], maxTokens);
  if (path === undefined || 'error' in path) {
    return { error: path?.error ?? 'cannot be scored' };
  }
  const { ids, reward, gate } = path;
  return { key: featureKey(ids, reward, gate), ids, reward, gate };
}

/** A backbone on disk, ready to run: `backbone.onnx`, cut to the layers that are wanted. */
export interface ReadyBackbone {
  readonly path: string;
  readonly config: ModelConfig;
  readonly precision: Precision;
  /** Where it runs; default: the CPU. */
  readonly provider?: Provider;
  /** Of the graph of paths. */
  readonly paths?: boolean;
}

export interface ExtractOptions {
  /** Tokens of a run, at most, where one group is not longer already. Default 2,048, on a GPU 8,192. */
  readonly budget?: number;
  readonly threads: number;
  readonly signal?: AbortSignal;
  /** @param done tokens so far, those found in the store included */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Runs the backbone over conversations whose features the store lacks.
 *
 * What is run together is decided from `groups` alone, not from what is there already: a run that was
 * killed computes the rest in the batches in which it would have computed it, so that features, which may
 * differ in the last bit from batch to batch, are those of a run left alone.
 * @param groups conversations that likely share their beginning, which is then computed once
 */
export async function extractInto(
  store: FeatureStore,
  backbone: ReadyBackbone,
  groups: readonly (readonly Encoded[])[],
  options: ExtractOptions,
): Promise<void> {
  const { provider = 'cpu', precision, paths = false, config } = backbone;
  // Not by the memory that is free today: batches would differ from those of the run that was killed.
  const { budget = provider === 'cpu' ? 2048 : 8192, threads, signal, onProgress } = options;
  const batches = planBatches(groups, budget, (await readPrefix(backbone.path)).length);
  const total = batches.reduce((sum, b) => sum + batchTokens(b), 0);
  const missing = batches.filter((b) => b.some(({ rows }) => rows.some((e) => !store.has(e.key))));
  let done = total - missing.reduce((sum, b) => sum + batchTokens(b), 0);
  onProgress?.(done, total);
  if (missing.length === 0) return;
  const { hiddenSize: H } = config;
  const how = { precision, provider, threads, paths };
  const model = await openBackbone(backbone.path, config, how, signal);
  try {
    for (const batch of missing) {
      signal?.throwIfAborted();
      const hidden = await model.run(batch.map((p) => p.plan.tree));
      const keys = batch.flatMap(({ rows }) => rows.map((e) => e.key));
      const features = new Float32Array(keys.length * 2 * H);
      let from = 0;
      let row = 0;
      for (const { plan, rows } of batch) {
        for (const { path, position } of plan.sources) {
          const to = (2 * (row + path) + position) * H;
          features.set(hidden.subarray(from, from + H), to);
          from += H;
        }
        row += rows.length;
      }
      await store.add(keys, features);
      done += batchTokens(batch);
      onProgress?.(done, total);
    }
  } finally {
    await model.release();
  }
}

/** A tree and the conversations that are its paths. */
interface Planned {
  readonly plan: PlannedTree;
  readonly rows: readonly Encoded[];
}

function batchTokens(batch: readonly Planned[]): number {
  return batch.reduce((sum, { plan }) => sum + plan.tokens, 0);
}

/** Equal lengths together, the longest first: what does not fit in memory shows at once. */
function planBatches(
  groups: readonly (readonly Encoded[])[],
  budget: number,
  known: number,
): Planned[][] {
  const seen = new Set<string>();
  const planned: Planned[] = [];
  for (const group of groups) {
    const fresh = group.filter(({ key }) => !seen.has(key) && seen.add(key));
    if (fresh.length === 0) continue;
    const paths = fresh.map(({ ids, reward, gate }) => ({ ids, wanted: [reward, gate] }));
    for (const tree of planTrees(paths, known)) planned.push(ownPaths(tree, fresh));
  }
  planned.sort((a, b) => b.plan.tokens - a.plan.tokens);
  const out: Planned[][] = [];
  let batch: Planned[] = [];
  for (const p of planned) {
    if (batch.length > 0 && (batch.length + 1) * batch[0]!.plan.tokens > budget) {
      out.push(batch);
      batch = [];
    }
    batch.push(p);
  }
  if (batch.length > 0) out.push(batch);
  return out;
}

/** The tree with its paths numbered from 0 among the conversations that are in it. */
function ownPaths(tree: PlannedTree, group: readonly Encoded[]): Planned {
  const members = [...new Set(tree.sources.map(({ path }) => path))];
  const sources = tree.sources.map((s) => ({ ...s, path: members.indexOf(s.path) }));
  return { plan: { ...tree, sources }, rows: members.map((path) => group[path]!) };
}
