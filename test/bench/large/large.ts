/**
 * `npm run bench -- large`: an 8B layout in four and in eight bits on the CPU beside llama.cpp's Q4_0 and Q8_0, one after the other: tokens a
 * second over sequences of one length, and the memory of each. The weights are random, the shapes are what counts. Some 30 GB of
 * disk below ~/.cache/qrm-lens-bench/large, of which what is not asked for again can be deleted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { openModel } from '../../../server/src/model/bundle/bundle.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../../server/src/model/checkpoint/safetensors-write.js';
import { Best } from '../best.js';
import { prepareBackbones } from '../inputs.js';
import { peerKinds } from '../peers/kinds.js';
import { Peer } from '../peers/peer.js';
import { runSequences } from '../sequences.js';

const LENGTH = 128;
const COUNT = Number(process.env['QRM_BENCH_LARGE'] ?? 8);
const HIDDEN = 4096;
const QUANTILES = 19;
const FOLDER = join(homedir(), '.cache', 'qrm-lens-bench');

export async function benchLarge(): Promise<void> {
  const python = process.env['QRM_BENCH_PYTHON'] ?? 'python3';
  const large = join(FOLDER, 'large');
  const { gguf, huggingFace } = await prepareBackbones(FOLDER, python);
  const maker = join(import.meta.dirname, '..', 'test', 'bench', 'large', 'make_gguf.py');
  execFileSync(python, [maker, large, gguf.Q4_0], { stdio: 'inherit' });
  const files = { Q4_0: join(large, 'Q4_0.gguf'), Q8_0: join(large, 'Q8_0.gguf') };
  const ours = ['int4', 'int8'] as const;
  for (const precision of ours) {
    const bundle = join(large, precision);
    if (existsSync(join(bundle, 'bundle.json'))) continue;
    const cli = join(import.meta.dirname, 'cli.js');
    const heads = await oneAttribute(join(large, 'heads'));
    const args = ['convert', files.Q4_0, bundle, '--precision', precision, '--heads', heads];
    execFileSync(process.execPath, [cli, ...args], { stdio: 'inherit' });
  }
  const random = seeded(8);
  const token = (): number => 100 + Math.floor(random() * 40_000);
  const ids = Array.from({ length: COUNT }, () => Array.from({ length: LENGTH }, token));
  const set = { ids, wanted: ids.map(() => [LENGTH - 1, LENGTH >> 1]) };
  const work = mkdtempSync(join(tmpdir(), 'qrm-bench-'));
  try {
    const file = join(work, 'large');
    writeFileSync(file, JSON.stringify(set));
    const best = new Best();
    const memory: string[] = [];
    const peer = (form: 'Q4_0' | 'Q8_0') =>
      peerKinds({ huggingFace, gguf }, python)
        .filter(({ name }) => name === 'llama.cpp')
        .map((kind) => ({
          ...kind,
          variants: [form],
          load: { files: { [form]: files[form] }, threads: availableParallelism() },
        }))[0]!;
    for (const precision of ours) {
      const model = await openModel(join(large, precision), { precision });
      // Weights of an ONNX graph are held once a runner, those of our own kernels once.
      const runners = precision === 'int4' ? 1 : availableParallelism();
      best.add(`qrm ${precision}`, await runSequences(model, set, runners));
    }
    for (const form of ['Q4_0', 'Q8_0'] as const) {
      const other = await Peer.start(peer(form));
      if (other === undefined) return;
      best.add(`llama.cpp ${form}`, await other.seconds(form, file));
      memory.push(`  llama.cpp ${form}: ${peak(String(other.pid))}`);
      await other.close();
    }
    best.print(`8B layout, ${COUNT} sequences of ${LENGTH} tokens`, [['tokens', COUNT * LENGTH]]);
    console.log(['Memory of llama.cpp at most, mapped weights included:', ...memory].join('\n'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Random heads of one attribute, in the form that `--heads` reads. */
async function oneAttribute(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const random = seeded(4);
  const weights = Float32Array.from({ length: QUANTILES * HIDDEN }, () => 0.02 * (random() - 0.5));
  await writeSafetensors(
    join(folder, 'heads.safetensors'),
    [float32Tensor('regression_layer.weight', [QUANTILES, HIDDEN], weights)],
    { format: 'pt' },
  );
  const json = {
    hidden_size: HIDDEN,
    num_objectives: 1,
    num_quantiles: QUANTILES,
    id2label: { 0: 'random' },
    attribute_weights: [1],
  };
  writeFileSync(join(folder, 'heads.json'), JSON.stringify(json));
  return folder;
}

/** The most memory that a process had (Linux). */
function peak(pid: string): string {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const kilobytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
  return `${(kilobytes / 1e6).toFixed(2)} GB`;
}
