import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSession } from '../../server/src/engine/backbone/backbone.js';
import { lacking } from '../../server/src/engine/device/candidates.js';
import { adaptersOf } from '../../server/src/engine/device/memory.js';
import { PathBackbone } from '../../server/src/engine/backbone/path/backbone.js';
import { WorkQueue, type Queued } from '../../server/src/engine/batches/queue.js';
import { gpuBudget } from '../../server/src/engine/batches/token-budget.js';
import { planTrees, type PlannedTree } from '../../server/src/engine/trees/trees.js';
import {
  bytesOf,
  formOf,
  linearWeights,
  tokenBytes,
} from '../../server/src/model/bundle/backbone/form.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { Precision } from '../../server/src/protocol/index.js';
import { ChatTokenizer } from '../../server/src/model/tokenizer/chat-tokenizer.js';
import { layoutConfig, layoutJson, writeLayout } from '../gpu/layouts.js';
import { equalLength, firstPairs, sequencesOf, type Sequences } from './inputs.js';
import { Peer, type PeerKind } from './peers/peer.js';

const NAME = 'Llama 8B';
const PAIRS = Number(process.env['QRM_BENCH_PAIRS'] ?? 256);
/** Of the layout; fewer where only the bench itself is tried. */
const LAYERS = Number(process.env['QRM_BENCH_LAYERS'] ?? 32);
const ROUNDS = 2;
const LENGTHS = [512, 2048];
const ROOT = join(import.meta.dirname, '..');
const PYTORCH = 'PyTorch bfloat16';

/** A form of ours; `cutlass` multiplies blocks of weights as they are, where else they are expanded for each batch. */
interface Contestant {
  readonly name: string;
  readonly precision: Precision;
  readonly cutlass?: true;
}
const CONTESTANTS: readonly Contestant[] = [
  { name: 'qrm float16', precision: 'float16' },
  { name: 'qrm bfloat16', precision: 'bfloat16' },
  { name: 'qrm int8', precision: 'int8' },
  { name: 'qrm int8 CUTLASS', precision: 'int8', cutlass: true },
  { name: 'qrm int4', precision: 'int4' },
  { name: 'qrm int4 CUTLASS', precision: 'int4', cutlass: true },
];

/** What all run: whole conversations, as ids, and as the trees that ours makes of them. */
interface WorkSet {
  readonly title: string;
  readonly file: string;
  readonly tokens: number;
  /** What ours runs of these: a pair's common beginning once. */
  readonly unique: number;
  readonly trees: readonly PlannedTree[];
}

function workSet(title: string, folder: string, all: readonly Sequences[]): WorkSet {
  const ids = all.flatMap((s) => s.ids);
  const wanted = all.flatMap((s) => s.wanted);
  const file = join(folder, `${title.replaceAll(/\W+/g, '-')}.json`);
  writeFileSync(file, JSON.stringify({ ids, wanted }));
  const trees = all.flatMap((s) =>
    planTrees(s.ids.map((one, i) => ({ ids: one, wanted: s.wanted[i]! }))),
  );
  const tokens = ids.reduce((n, one) => n + one.length, 0);
  const unique = trees.reduce((n, tree) => n + tree.tokens, 0);
  return { title, file, tokens, unique, trees };
}

async function workSets(folder: string): Promise<WorkSet[]> {
  const rows = await firstPairs(join(ROOT, 'examples', 'hh-harmless.jsonl.gz'), PAIRS);
  const tokenizer = await ChatTokenizer.fromFolder(join(ROOT, 'models', 'default'));
  const pairs = rows.map((row) => sequencesOf([row], tokenizer));
  const flat: Sequences = {
    ids: pairs.flatMap((p) => p.ids),
    wanted: pairs.flatMap((p) => p.wanted),
  };
  const alone = (s: Sequences): Sequences[] =>
    s.ids.map((ids, i) => ({ ids: [ids], wanted: [s.wanted[i]!] }));
  return [
    workSet(`${rows.length} real pairs`, folder, pairs),
    ...LENGTHS.map((length) => {
      const count = Math.max(1, Math.round((256 * PAIRS) / length));
      const set = equalLength(flat, length, count);
      return workSet(`${count} sequences of ${length} tokens`, folder, alone(set));
    }),
  ];
}

const KIND: PeerKind = {
  name: 'PyTorch',
  variants: ['bfloat16'],
  script: 'torch_gpu.py',
  program: process.env['QRM_BENCH_PYTHON'] ?? process.env['QRM_PYTHON'] ?? 'python3',
  load: { config: layoutJson(NAME, LAYERS) },
  absent: 'no Python with torch and transformers (QRM_PYTHON names one)',
};

/** Bytes that are free on the card; undefined where nvidia-smi is missing. */
const freeBytes = async (): Promise<number | undefined> => (await adaptersOf('cuda'))[0]?.free;

interface Item extends Queued {
  readonly planned: PlannedTree;
}

/** Seconds for a set, in batches as the engine makes them: the next is laid out while one runs. */
async function secondsOf(backbone: PathBackbone, set: WorkSet, budget: number): Promise<number> {
  const queue = new WorkQueue<Item>();
  for (const [group, planned] of set.trees.entries())
    queue.add({ group, priority: 0, tokens: planned.tokens, planned });
  const start = performance.now();
  const running = new Set<Promise<unknown>>();
  while (queue.length > 0) {
    const trees = queue.take(budget).map(({ planned }) => planned.tree);
    const one: Promise<unknown> = backbone.run(trees).finally(() => running.delete(one));
    running.add(one);
    if (running.size > 1) await Promise.race(running);
  }
  await Promise.all(running);
  return (performance.now() - start) / 1000;
}

/** Best seconds by set and by who. */
type Times = Map<WorkSet, Map<string, number>>;

function note(times: Times, set: WorkSet, name: string, seconds: number): void {
  process.stderr.write(`${name}, ${set.title}: ${seconds.toFixed(2)} s\n`);
  const of = times.get(set)!;
  of.set(name, Math.min(seconds, of.get(name) ?? Infinity));
}

/** Loads one form of ours, runs it and PyTorch in turn, and tells what it took. */
async function compete(
  { name, precision, cutlass }: Contestant,
  config: ModelConfig,
  times: Times,
  peer: Peer | undefined,
  work: string,
): Promise<void> {
  const folder = mkdtempSync(join(work, 'model-'));
  try {
    const form = formOf(precision, 'cuda', config);
    const graph = await writeLayout(config, form.variant!, folder);
    const before = await freeBytes();
    const began = performance.now();
    const ep = cutlass && { cuda: { fpa_intb_gemm: '1' } };
    const backbone = await PathBackbone.load(graph, config, (path) =>
      createSession(path, { provider: 'cuda', threads: 4, ...(ep && { ep }) }),
    );
    const loaded = (performance.now() - began) / 1000;
    const left = await freeBytes();
    // As the engine reckons it before it has loaded.
    const beside = before === undefined ? undefined : before - bytesOf(form, config, 'cuda');
    const budget = gpuBudget(beside, tokenBytes(form, config));
    const [first] = [...times.keys()];
    await secondsOf(backbone, first!, budget);
    for (let round = 0; round < ROUNDS; round++) {
      for (const set of times.keys()) {
        note(times, set, name, await secondsOf(backbone, set, budget));
        if (peer) note(times, set, PYTORCH, await peer.seconds('bfloat16', set.file));
      }
    }
    const most = await freeBytes();
    const gb = (from?: number, to?: number): string =>
      from === undefined || to === undefined ? 'unknown' : `${((from - to) / 1e9).toFixed(1)} GB`;
    console.log(
      `${name}: loaded in ${loaded.toFixed(1)} s, weights ${gb(before, left)}, ` +
        `with batches of ${budget} tokens ${gb(before, most)} at most`,
    );
    await backbone.release();
  } catch (error) {
    // One form that does not run costs the others nothing.
    console.log(`${name}: ${String(error).split('\n')[0]!}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function printTimes(times: Times, config: ModelConfig, peak: number | undefined): void {
  for (const [{ title, tokens, unique }, of] of times) {
    console.log(
      `\n${title}: ${tokens} tokens, every conversation counted whole (qrm runs ${unique})`,
    );
    const torch = of.get(PYTORCH);
    for (const [name, seconds] of of) {
      const run = name === PYTORCH ? tokens : unique;
      const operations = (2 * linearWeights(config) * run) / seconds;
      const share =
        peak === undefined ? '' : `, ${((100 * operations) / peak).toFixed(1)} % of the peak`;
      const times = torch === undefined ? '' : `, ${(torch / seconds).toFixed(2)} x PyTorch`;
      console.log(
        `  ${name.padEnd(18)}${Math.round(tokens / seconds)
          .toLocaleString('en-US')
          .padStart(9)} tokens/s` +
          `${times}, ${(operations / 1e12).toFixed(1)} TFLOPS in linear layers${share}`,
      );
    }
  }
}

/**
 * The layout of Llama 8B with random weights on a card of NVIDIA's, in every form, beside PyTorch transformers in bfloat16
 * with scaled_dot_product_attention and batches sorted by length: ids to hidden states.
 */
export async function benchGpu(): Promise<void> {
  const missing = lacking('cuda');
  if (missing !== undefined) {
    console.log(
      `No GPU bench: ${missing}. npm run check:gpu -- pack makes a folder that has them.`,
    );
    process.exit(2);
  }
  const work = mkdtempSync(join(tmpdir(), 'qrm-bench-gpu-'));
  const config = layoutConfig(NAME, LAYERS);
  const [card] = await adaptersOf('cuda');
  console.log(
    `${card?.name ?? 'a card that nvidia-smi does not tell of'}, driver ${card?.driver ?? '?'}`,
  );
  console.log(
    `${NAME}, ${LAYERS} layers, ${(linearWeights(config) / 1e9).toFixed(2)} G weights in linear layers`,
  );
  const peer = await Peer.start(KIND);
  try {
    const peak = (await peer?.ask({ peak: 8192 }))?.['operations'] as number | undefined;
    if (peak !== undefined)
      console.log(
        `measured peak: ${(peak / 1e12).toFixed(0)} TFLOPS, bfloat16 8192 x 8192 x 8192 in PyTorch`,
      );
    const times: Times = new Map((await workSets(work)).map((set) => [set, new Map()]));
    if (peer) await peer.seconds('bfloat16', [...times.keys()][0]!.file);
    for (const contestant of CONTESTANTS) await compete(contestant, config, times, peer, work);
    const memory = (await peer?.ask({ memory: true }))?.['bytes'] as number | undefined;
    if (memory !== undefined) console.log(`${PYTORCH}: ${(memory / 1e9).toFixed(1)} GB at most`);
    printTimes(times, config, peak);
  } finally {
    await peer?.close();
    rmSync(work, { recursive: true, force: true });
  }
}
