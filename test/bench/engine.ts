import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { DatasetRow } from '../../server/src/datasets/index.js';
import { EvaluatorClient } from '../../server/src/engine/client.js';
import type { ScoreGroup } from '../../server/src/engine/types.js';
import { readPrefix } from '../../server/src/model/bundle/backbone/prefix.js';
import { openModel } from '../../server/src/model/bundle/bundle.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import { Best } from './best.js';
import { measureCeiling, measurePeak, printCeilings } from './ceiling.js';
import { printCosines } from './cosine.js';
import {
  equalLength,
  firstPairs,
  prepareBackbones,
  sequencesOf,
  type Backbones,
  type Sequences,
} from './inputs.js';
import { NOT_THE_SAME, peerKinds } from './peers/kinds.js';
import { Peer } from './peers/peer.js';
import { runSequences } from './sequences.js';

const PAIRS = Number(process.env['QRM_BENCH_PAIRS'] ?? 256);
const ROUNDS = 2;
const EQUAL = [
  { length: 128, count: 64 },
  { length: 256, count: 32 },
];
const DATA = join(import.meta.dirname, '..', 'examples', 'hh-harmless.jsonl.gz');

/** What the parts need: everyone's weights, the pairs as ids, and the other programs, loaded. */
interface Stage {
  readonly backbones: Backbones;
  readonly rows: readonly DatasetRow[];
  readonly sequences: Sequences;
  readonly config: ModelConfig;
  readonly peers: readonly Peer[];
  /** A file of sequences, as the peers read them. */
  readonly toFile: (name: string, s: Sequences) => string;
}

async function onStage(run: (stage: Stage) => Promise<void>): Promise<void> {
  const python = process.env['QRM_BENCH_PYTHON'] ?? 'python3';
  const backbones = await prepareBackbones(join(homedir(), '.cache', 'qrm-lens-bench'), python);
  const rows = await firstPairs(DATA, PAIRS);
  const model = await openModel(backbones.int8, { precision: 'int8' });
  const sequences = sequencesOf(rows, model.tokenizer);
  const folder = mkdtempSync(join(tmpdir(), 'qrm-bench-'));
  const toFile = (name: string, s: Sequences): string => {
    writeFileSync(join(folder, name), JSON.stringify(s));
    return join(folder, name);
  };
  const peers: Peer[] = [];
  try {
    for (const kind of peerKinds(backbones, python)) {
      const peer = await Peer.start(kind);
      if (peer) peers.push(peer);
    }
    await run({ backbones, rows, sequences, config: model.config, peers, toFile });
  } finally {
    for (const peer of peers) await peer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Real pairs, everyone side by side. */
export const benchPairs = (): Promise<void> =>
  onStage(async ({ backbones, rows, sequences, peers, toFile }) => {
    const tokens = sequences.ids.reduce((n, ids) => n + ids.length, 0);
    console.log(`${rows.length} pairs, ${tokens} tokens (every conversation counted whole)`);
    console.log('Not of the same work in all:');
    for (const name of ['qrm', ...peers.map(({ kind }) => kind.name)])
      console.log(`  ${name}: ${NOT_THE_SAME[name]}`);
    const best = await race(peers, toFile('pairs', sequences), (precision) =>
      scorePairs(backbones[precision], precision, rows),
    );
    best.print('The real pairs', [
      ['pairs', rows.length],
      ['tokens', tokens],
    ]);
  });

/** Sequences of one length, everyone side by side: ids to hidden states. */
export const benchEqual = (): Promise<void> =>
  onStage(async ({ backbones, sequences, config, peers, toFile }) => {
    const stored = (await readPrefix(join(backbones.int8, 'backbone.onnx'))).length;
    console.log(
      `qrm int8 has stored the ${stored} tokens that all begin with; vLLM finds what some share`,
    );
    for (const { length, count } of EQUAL) {
      const set = equalLength(sequences, length, count);
      const best = await race(peers, toFile(`equal-${length}`, set), async (precision) =>
        runSequences(await openModel(backbones[precision], { precision }), set),
      );
      best.print(`${count} sequences of ${length} tokens, hidden states`, [
        ['tokens', length * count],
      ]);
      // The stored beginning of every sequence is not run.
      await printProducts(config, ((length - stored) * count) / best.seconds.get('qrm int8')!);
    }
  });

/** How near hidden states are to float32, the processor's ceilings, and what a user feels. */
export const benchExact = (): Promise<void> =>
  onStage(async ({ backbones, rows, sequences, config, peers, toFile }) => {
    const pairs = toFile('pairs', sequences);
    await printCosines(peers, backbones, sequences, config, pairs, toFile('hidden', sequences));
    await printCeilings(peers.find(({ kind }) => kind.name === 'PyTorch'));
    await whatUsersFeel(rows);
  });

/** Everyone's seconds over one set, rounds alternating. */
async function race(
  peers: readonly Peer[],
  set: string,
  ours: (precision: 'int8' | 'float32') => Promise<number>,
): Promise<Best> {
  const best = new Best();
  for (let round = 0; round < ROUNDS; round++) {
    for (const precision of ['int8', 'float32'] as const)
      best.add(`qrm ${precision}`, await ours(precision));
    for (const peer of peers) {
      for (const variant of peer.kind.variants)
        best.add(`${peer.kind.name} ${variant}`, await peer.seconds(variant, set));
    }
  }
  return best;
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
  const peak = await measurePeak(threads, 'int8 registers');
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
