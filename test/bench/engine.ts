import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { DatasetRow } from '../../server/src/datasets/index.js';
import { loadBackbone } from '../../server/src/engine/backbone.js';
import { EvaluatorClient } from '../../server/src/engine/client.js';
import { workerScript } from '../../server/src/engine/worker-process.js';
import { RunnerPool } from '../../server/src/engine/runner-pool.js';
import { planTrees } from '../../server/src/engine/trees.js';
import type { ScoreGroup } from '../../server/src/engine/types.js';
import { buildHeads } from '../../server/src/model/heads/heads-graph.js';
import { readPrefix } from '../../server/src/model/bundle/prefix.js';
import { openModel, type OpenedModel } from '../../server/src/model/bundle/bundle.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import { Best } from './best.js';
import { measureCeiling, measurePeak } from './ceiling.js';
import {
  equalLength,
  firstPairs,
  prepareBackbones,
  sequencesOf,
  type Sequences,
} from './inputs.js';
import { Torch } from './torch.js';
import { pathToFileURL } from 'node:url';

const PAIRS = 256;
const ROUNDS = 2;
const EQUAL = [
  { length: 128, count: 128 },
  { length: 256, count: 64 },
];
const DATA = join(import.meta.dirname, '..', 'examples', 'hh-harmless.jsonl.gz');

export async function benchEngine(): Promise<void> {
  const python = process.env['QRM_BENCH_PYTHON'] ?? 'python3';
  const folder = join(homedir(), '.cache', 'qrm-lens-bench');
  const backbones = await prepareBackbones(folder, python);
  const rows = await firstPairs(DATA, PAIRS);
  const model = await openModel(backbones.int8, { precision: 'int8' });
  const sequences = sequencesOf(rows, model.tokenizer);
  const tokens = sequences.ids.reduce((n, ids) => n + ids.length, 0);
  console.log(`${rows.length} pairs, ${tokens} tokens (every conversation counted whole)`);
  const torch = await Torch.start(python, backbones.huggingFace);
  const file = (name: string): string => join(tmpdir(), `qrm-bench-${process.pid}-${name}`);
  const toFile = (name: string, s: Sequences): string => {
    writeFileSync(file(name), JSON.stringify(s));
    return file(name);
  };

  const pairsFile = toFile('pairs', sequences);
  const real = new Best();
  for (let round = 0; round < ROUNDS; round++) {
    for (const precision of ['int8', 'float32'] as const) {
      real.add(`qrm ${precision}`, await scorePairs(backbones[precision], precision, rows));
    }
    for (const dtype of torch ? ['bfloat16', 'float32'] : []) {
      const { seconds } = await torch!.ask({ run: dtype, set: pairsFile });
      real.add(`PyTorch ${dtype}`, seconds as number);
    }
  }
  real.print('The real pairs (text to scores; PyTorch: ids to hidden states)', [
    ['pairs', rows.length],
    ['tokens', tokens],
  ]);

  for (const { length, count } of EQUAL) {
    const set = equalLength(sequences, length, count);
    const setFile = toFile(`equal-${length}`, set);
    const best = new Best();
    for (let round = 0; round < ROUNDS; round++) {
      for (const precision of ['int8', 'float32'] as const) {
        const opened = await openModel(backbones[precision], { precision });
        best.add(`qrm ${precision}`, await runSequences(opened, set));
      }
      for (const dtype of torch ? ['bfloat16', 'float32'] : []) {
        const { seconds } = await torch!.ask({ run: dtype, set: setFile });
        best.add(`PyTorch ${dtype}`, seconds as number);
      }
    }
    best.print(`${count} sequences of ${length} tokens, hidden states`, [
      ['tokens', length * count],
    ]);
    // The stored beginning of every sequence is not run.
    const run = (length - (await readPrefix(model.backbonePath)).length) * count;
    await printProducts(model.config, run / best.seconds.get('qrm int8')!);
  }

  if (torch) {
    const hidden = file('hidden');
    await torch.ask({ run: 'float32', set: pairsFile, hidden });
    const bytes = readFileSync(hidden);
    const reference = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    for (const precision of ['int8', 'float32'] as const) {
      const found = await hiddenStates(backbones[precision], precision, sequences, model.config);
      const cosines = cosine(found, reference, model.config.hiddenSize);
      const mean = cosines.reduce((a, b) => a + b, 0) / cosines.length;
      const sorted = [...cosines].sort((a, b) => a - b);
      console.log(
        `Cosine to PyTorch float32, ${precision}: mean ${mean.toFixed(6)}, ` +
          `5 % below ${sorted[Math.floor(cosines.length * 0.05)]!.toFixed(6)}, lowest ${sorted[0]!.toFixed(6)}`,
      );
    }
  }
  if (torch) {
    const found = await torch.ask({ ceiling: 2048 });
    const rates = Object.entries(found).map(
      ([t, ops]) => `${t} ${(Number(ops) / 1e12).toFixed(2)}`,
    );
    console.log(`Products of PyTorch alone (2048 x 2048 x 2048), TOPS: ${rates.join(', ')}`);
  }
  torch?.close();
  await whatUsersFeel(rows);
}

/** What share of the processor's int8 products a rate of tokens a second makes use of. */
async function printProducts(c: ModelConfig, tokensPerSecond: number): Promise<void> {
  const threads = availableParallelism();
  const ceiling = await measureCeiling(threads);
  const width = 2 * (c.heads + c.kvHeads) * c.headDim;
  const perToken = 2 * c.layers * c.hiddenSize * (width + 3 * c.intermediateSize);
  const reached = perToken * tokensPerSecond;
  console.log(`  of them run by qrm int8: ${tokensPerSecond.toFixed(1)} tokens/s`);
  const tera = (n: number): string => (n / 1e12).toFixed(2);
  const share = (n: number, of: number): string => `${((100 * n) / of).toFixed(0)} %`;
  console.log(
    `  int8 matrix products: ${tera(reached)} TOPS inside the model, ${tera(ceiling)} TOPS of ` +
      `MatMulIntegerToFloat alone (2048 x 2048 x 2048): ${share(reached, ceiling)}`,
  );
  const peak = await measurePeak(threads);
  if (peak === undefined) return;
  // On tiles activations have two digits: every weight is multiplied twice.
  const digits = peak.set === 'amx' ? 2 : 1;
  console.log(
    `  ${digits === 2 ? 'with both digits counted' : 'that is'} ${tera(digits * reached)} TOPS, of ` +
      `${tera(peak.operations)} TOPS of ${peak.set === 'amx' ? 'tile products' : 'products'} in registers: ` +
      share(digits * reached, peak.operations),
  );
}

const groupOf = (row: DatasetRow): ScoreGroup => ({
  conversations: row.conversations.map(({ turns, targets }) => ({
    messages: turns.map(({ role, content }) => ({ role, content })),
    targets,
  })),
});

/** Seconds from the texts of all pairs to their scores, the model loaded. */
async function scorePairs(
  model: string,
  precision: 'int8' | 'float32',
  rows: readonly DatasetRow[],
): Promise<number> {
  const evaluator = await EvaluatorClient.open({ model, precision, device: 'cpu' });
  for (const row of rows.slice(0, 8)) await evaluator.score(groupOf(row));
  const start = performance.now();
  const groups = rows.map((row) => ({ group: groupOf(row), tag: row.index }));
  let scored = 0;
  for await (const { result } of evaluator.scoreStream(groups)) {
    for (const r of result.results.flat()) {
      if (!r.ok) throw new Error(r.error);
      scored++;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  if (scored !== 2 * rows.length) throw new Error(`${scored} responses scored`);
  await evaluator.close();
  return seconds;
}

/** Seconds for sequences of ids, on the engine's own runners and batches. */
async function runSequences(model: OpenedModel, set: Sequences): Promise<number> {
  const threads = availableParallelism();
  const pool = await RunnerPool.start(
    pathToFileURL(workerScript()),
    {
      role: 'runner',
      backbone: model.backbonePath,
      heads: buildHeads(model.heads),
      config: model.config,
      options: { provider: 'cpu', precision: model.precision, threads: 1 },
    },
    threads,
  );
  const batches = batchesOf(set);
  const start = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: threads }, async () => {
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

async function hiddenStates(
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

function cosine(a: Float32Array, b: Float32Array, H: number): number[] {
  return Array.from({ length: a.length / H }, (_, row) => {
    let [dot, aa, bb] = [0, 0, 0];
    for (let i = row * H; i < (row + 1) * H; i++) {
      dot += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    return dot / Math.sqrt(aa * bb);
  });
}

/** The embedded model as a command meets it: start, memory, and the caller's event loop. */
async function whatUsersFeel(rows: readonly DatasetRow[]): Promise<void> {
  const start = performance.now();
  const evaluator = await EvaluatorClient.open({ device: 'auto', precision: 'auto' });
  await evaluator.score(groupOf(rows[0]!));
  const first = performance.now() - start;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const began = performance.now();
  const groups = rows.map((row) => ({ group: groupOf(row), tag: row.index }));
  let scored = 0;
  for await (const { result } of evaluator.scoreStream(groups)) scored += result.results.length;
  if (scored === 0) throw new Error('nothing was scored');
  const seconds = (performance.now() - began) / 1000;
  delay.disable();
  const peak = /VmHWM:\s+(\d+)/.exec(platformFile(`/proc/${evaluator.pid}/status`) ?? '')?.[1];
  console.log(
    `The embedded model (${evaluator.info.precision}, ${evaluator.info.executionProvider}): ` +
      `first score after ${(first / 1000).toFixed(2)} s (model converted before), ` +
      `${(rows.length / seconds).toFixed(1)} pairs/s, ` +
      `${peak ? `${(Number(peak) / 1024).toFixed(0)} MB at most in the evaluator's process, ` : ''}` +
      `caller's event loop blocked ${(delay.max / 1e6 - 5).toFixed(0)} ms at most`,
  );
  await evaluator.close();
}

function platformFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
