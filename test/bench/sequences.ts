import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadBackbone } from '../../server/src/engine/backbone/backbone.js';
import { RunnerPool } from '../../server/src/engine/batches/runner-pool.js';
import { planTrees } from '../../server/src/engine/trees/trees.js';
import { workerScript } from '../../server/src/engine/process/worker-process.js';
import { buildHeads } from '../../server/src/model/heads/heads-graph.js';
import type { OpenedModel } from '../../server/src/model/bundle/bundle.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { Sequences } from './inputs.js';

/**
 * Seconds for sequences of ids, on the engine's own runners and batches.
 * @param runners one a core; 1 where weights would stand in memory once a runner (engine/process/opening.ts)
 */
export async function runSequences(
  model: OpenedModel,
  set: Sequences,
  runners = availableParallelism(),
): Promise<number> {
  const threads = Math.max(1, Math.floor(availableParallelism() / runners));
  const pool = await RunnerPool.start(
    pathToFileURL(workerScript()),
    {
      role: 'runner',
      backbone: model.backbonePath,
      heads: buildHeads(model.heads),
      config: model.config,
      options: {
        provider: 'cpu',
        precision: model.precision,
        paths: model.form.variant !== undefined,
        threads,
      },
    },
    runners,
  );
  const batches = batchesOf(set);
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: runners }, async () => {
      while (next < batches.length) {
        const members = batches[next++]!;
        const trees = members.map((i) => treeOf(set, i));
        const reward = Int32Array.from(members, (_, i) => 2 * i);
        await pool.run({ trees, reward, gating: reward.map((t) => t + 1) });
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  await pool.close();
  return seconds;
}

function batchesOf(set: Sequences, budget = 512): number[][] {
  const out: number[][] = [];
  let tokens = Infinity;
  for (const [i, ids] of set.ids.entries()) {
    if (tokens + ids.length > budget) {
      out.push([]);
      tokens = 0;
    }
    out.at(-1)!.push(i);
    tokens += ids.length;
  }
  return out;
}

function treeOf(set: Sequences, i: number) {
  const [planned] = planTrees([{ ids: set.ids[i]!, wanted: set.wanted[i]! }]);
  return planned!.tree;
}

/** float32 [2 x conversations, hidden]: at the reward's position, then the gate's. */
export async function hiddenStates(
  bundle: string,
  precision: 'int8' | 'float32',
  set: Sequences,
  config: ModelConfig,
): Promise<Float32Array> {
  const H = config.hiddenSize;
  const backbone = await loadBackbone(join(bundle, 'backbone.onnx'), config, {
    provider: 'cpu',
    precision,
    threads: availableParallelism(),
  });
  const out = new Float32Array(2 * set.ids.length * H);
  for (const i of set.ids.keys()) out.set(await backbone.run([treeOf(set, i)]), 2 * i * H);
  await backbone.release();
  return out;
}
