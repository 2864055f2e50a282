// npm run fuzz -- N [--seed S] [--kind data|edits|…] [--only CASE] [--out FOLDER]
// Cases run in a thread that is ended when one of them hangs or takes the thread with it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Outcome } from './kind.js';
import { KINDS } from './kinds.js';
import { caseSeed, Random } from './random.js';

/** A case takes milliseconds of processor time; what takes so long hangs or is out of proportion. */
const LIMIT_S = 10;
/** What waits for ever takes none. */
const PATIENCE_MS = 120_000;

interface Task {
  readonly kind: string;
  readonly seed: number;
}

async function prepared({ kind, seed }: Task) {
  const random = new Random(seed);
  const made = KINDS.find((k) => k.name === kind)!;
  return { made, inputs: await made.inputs(random), random };
}

async function answer(task: Task): Promise<Outcome> {
  try {
    const { made, inputs, random } = await prepared(task);
    return await made.run(inputs, random);
  } catch (error) {
    return { counted: ['thrown'], failure: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
} // prettier-ignore

class Runner {
  private worker: Worker | undefined;
  private done: ((outcome: Outcome, ended: boolean) => void) | undefined;

  private start(): Worker {
    const worker = new Worker(fileURLToPath(import.meta.url));
    const lost = (what: string): void => this.done?.({ counted: [what], failure: what }, true);
    worker.on('message', (outcome: Outcome) => this.done?.(outcome, false));
    worker.on('error', (error) => lost(`took its thread down: ${error.stack ?? error.message}`));
    return worker;
  }

  run(task: Task): Promise<Outcome> {
    const worker = (this.worker ??= this.start());
    return new Promise((resolve) => {
      // The main thread only waits: the process's time is the case's, however busy the machine is.
      const [cpu, begin] = [process.cpuUsage(), performance.now()];
      const timer = setInterval(() => {
        const { user, system } = process.cpuUsage(cpu);
        const waited = performance.now() - begin > PATIENCE_MS;
        if ((user + system) / 1e6 < LIMIT_S && !waited) return;
        const what = waited
          ? `no end within ${PATIENCE_MS / 1000} s`
          : `no end within ${LIMIT_S} s of processor time`;
        this.done?.({ counted: [what], failure: what }, true);
      }, 500);
      this.done = (outcome, ended) => {
        clearInterval(timer);
        this.done = undefined;
        if (ended) {
          this.worker = undefined;
          worker.terminate().catch(() => undefined);
        }
        resolve(outcome);
      };
      worker.postMessage(task);
    });
  }

  async close(): Promise<void> {
    await this.worker?.terminate();
  }
}

async function keep(task: Task, name: string, folder: string, failure: string): Promise<string> {
  const to = join(folder, name);
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, 'failure.txt'), `${failure}\n`);
  for (const [file, bytes] of (await prepared(task)).inputs)
    writeFileSync(join(to, basename(file)), bytes);
  return to;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      kind: { type: 'string' },
      only: { type: 'string' },
      out: { type: 'string', default: 'fuzz-failures' },
    },
  });
  const count = Number(positionals[0] ?? 1000);
  const seed = Number(values.seed);
  const kinds = KINDS.filter((k) => values.kind === undefined || k.name === values.kind);
  if (
    !Number.isSafeInteger(count) ||
    count < 1 ||
    !Number.isSafeInteger(seed) ||
    kinds.length === 0
  ) {
    console.error(`usage: npm run fuzz -- COUNT [--seed S] [--kind ${KINDS.map((k) => k.name).join('|')}] [--only CASE] [--out FOLDER]`); // prettier-ignore
    process.exitCode = 2;
    return;
  }
  const runner = new Runner();
  let failed = 0;
  for (const { name, prepare } of kinds) {
    const end = await prepare?.();
    const counts = new Map<string, number>();
    const began = performance.now();
    let failures = 0;
    let slowest = { ms: 0, n: 0 };
    for (let n = 0; n < count; n++) {
      if (values.only !== undefined && n !== Number(values.only)) continue;
      const task = { kind: name, seed: caseSeed(seed, n) };
      const start = performance.now();
      const { counted, failure } = await runner.run(task);
      const ms = performance.now() - start;
      if (ms > slowest.ms) slowest = { ms, n };
      for (const what of counted) counts.set(what, (counts.get(what) ?? 0) + 1);
      if (failure === undefined) continue;
      failures++;
      const to = await keep(task, `${name}-${seed}-${n}`, values.out, failure);
      if (failures <= 20) console.log(`case ${n}: ${failure.slice(0, 600)}\n  kept in ${to}`);
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`${name}: ${values.only === undefined ? count : 1} cases (seed ${seed}) in ${seconds} s, ${failures} failed; the slowest took ${slowest.ms.toFixed(0)} ms (case ${slowest.n})`); // prettier-ignore
    for (const [what, times] of [...counts].sort((a, b) => b[1] - a[1]))
      console.log(`  ${String(times).padStart(6)} ${what}`);
    failed += failures;
    await end?.();
  }
  await runner.close();
  if (failed > 0) process.exitCode = 1;
}

if (isMainThread) await main();
else parentPort!.on('message', async (task: Task) => parentPort!.postMessage(await answer(task)));
