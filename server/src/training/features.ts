import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadBackbone } from '../engine/backbone.js';
import { planTrees, type PlannedTree } from '../engine/trees.js';
import type { ChatMessage } from '../engine/types.js';
import { writeBackbone } from '../model/bundle/backbone-files.js';
import { BACKBONE } from '../model/bundle/bundle-format.js';
import type { ChatTokenizer } from '../model/tokenizer/chat-tokenizer.js';
import type { ModelConfig } from '../model/checkpoint/config.js';
import type { Precision } from '../model/graph/convert-weights.js';
import type { TensorSource } from '../model/checkpoint/safetensors.js';
import { matrix, type Matrix } from './matrix.js';

/** A backbone without heads, to be cut after any of its layers. */
export interface FrozenBackbone {
  readonly path: string;
  readonly config: ModelConfig;
  readonly source: TensorSource;
  readonly tokenizer: ChatTokenizer;
}

/** Conversations that share their beginning, each ending with the assistant's turn that is scored. */
export type ConversationGroup = readonly (readonly ChatMessage[])[];

/** Hidden states after the backbone's final norm; row i belongs to conversation i. */
export interface Features {
  /** At the last token of the templated conversation, [n, hidden]. */
  readonly reward: Matrix;
  /** At the first token of the last gating pattern, [n, hidden]. */
  readonly gating: Matrix;
}

export interface FeatureOptions {
  readonly precision?: Precision;
  /** Tokens of a run, at most, where one group is not longer already. */
  readonly budget?: number;
  readonly threads?: number;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * Runs the backbone, cut after `layers` layers, over conversations.
 * @returns features in the order of `groups.flat()`
 * @throws Error naming the conversation that cannot be scored
 */
export async function extractFeatures(
  backbone: FrozenBackbone,
  layers: number,
  groups: readonly ConversationGroup[],
  options: FeatureOptions = {},
): Promise<Features> {
  const { precision = 'float32', budget = 2048, onProgress } = options;
  const { hiddenSize: H } = backbone.config;
  const config = { ...backbone.config, layers };
  const planned = planGroups(groups, backbone.tokenizer, config.maxPositions);
  const count = groups.reduce((n, group) => n + group.length, 0);
  const features = { reward: matrix(count, H), gating: matrix(count, H) };
  const folder = await mkdtemp(join(tmpdir(), 'qrm-features-'));
  try {
    await writeBackbone({ ...backbone, config }, precision, folder);
    const model = await loadBackbone(join(folder, BACKBONE), config, {
      precision,
      provider: 'cpu',
      threads: options.threads ?? availableParallelism(),
    });
    try {
      const total = planned.reduce((sum, { tokens }) => sum + tokens, 0);
      let done = 0;
      for (const batch of batches(planned, budget)) {
        const hidden = await model.run(batch.map((p) => p.tree));
        let at = 0;
        for (const { row, sources, tokens } of batch) {
          for (const { path, position } of sources) {
            const into = position === REWARD ? features.reward : features.gating;
            into.data.set(hidden.subarray(at, at + H), (row + path) * H);
            at += H;
          }
          done += tokens;
        }
        onProgress?.(done / total);
      }
    } finally {
      await model.release();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return features;
}

/** Place of the reward's position in a path's `wanted`; the gate's is the other. */
const REWARD = 0;

/** A tree whose path p belongs to row `row + p` of the features. */
type PlacedTree = PlannedTree & { readonly row: number };

function planGroups(
  groups: readonly ConversationGroup[],
  tokenizer: ChatTokenizer,
  maxTokens: number,
): PlacedTree[] {
  let row = 0;
  return groups.flatMap((group) => {
    const paths = group.map((messages, c) => {
      const [path] = tokenizer.paths(messages, [messages.length - 1], maxTokens);
      if (path === undefined || 'error' in path) {
        throw new Error(`conversation ${row + c + 1}: ${path?.error ?? 'cannot be scored'}`);
      }
      return { ids: path.ids, wanted: [path.reward, path.gate] };
    });
    const trees = planTrees(paths).map((tree) => ({ ...tree, row }));
    row += group.length;
    return trees;
  });
}

/** Equal lengths together, the longest first: what does not fit in memory shows at once. */
function* batches(planned: readonly PlacedTree[], budget: number): Generator<PlacedTree[]> {
  const sorted = [...planned].sort((a, b) => b.tokens - a.tokens);
  let batch: PlacedTree[] = [];
  for (const tree of sorted) {
    if (batch.length > 0 && (batch.length + 1) * batch[0]!.tokens > budget) {
      yield batch;
      batch = [];
    }
    batch.push(tree);
  }
  if (batch.length > 0) yield batch;
}
