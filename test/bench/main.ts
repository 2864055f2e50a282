/**
 * `npm run bench`: throughput side by side with PyTorch, llama.cpp and vLLM (test/bench/peers) on the 135M backbone and
 * the first 256 pairs of hh-harmless (QRM_BENCH_PAIRS takes fewer), then what a user feels.
 * `npm run bench -- engine|lsp|reader|serve|training` runs one part; `engine` is made of `pairs`, `equal` and `exact`, which can
 * be asked one by one; `-- training-full` fits an attribute of the paper's size, `-- large` runs an 8B layout in four bits, `-- gpu` is for a machine with a card of NVIDIA's (docs/gpu.md). What a part prints is kept in RESULTS.md under
 * the processor's name, in the place of what stood there; of a busy machine only with `--keep`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, platform, release, totalmem } from 'node:os';
import { basename, join } from 'node:path';
import { benchEqual, benchExact, benchPairs } from './engine.js';
import { benchGpu } from './gpu.js';
import { benchLarge } from './large/large.js';
import { benchLsp } from './shells/lsp.js';
import { processorTitle } from './processor.js';
import { benchReader } from './reader.js';
import { withResult } from './results.js';
import { benchServe } from './shells/serve.js';
import { benchFullSize } from './training/full-size.js';
import { benchTraining } from './training/training.js';

const parts: Readonly<Record<string, () => Promise<void>>> = {
  pairs: benchPairs,
  equal: benchEqual,
  exact: benchExact,
  lsp: benchLsp,
  reader: benchReader,
  serve: benchServe,
  training: benchTraining,
};
/** A part of several. */
const several: Readonly<Record<string, readonly string[]>> = {
  engine: ['pairs', 'equal', 'exact'],
};
/** Hours, much memory or a card: only when they are named. */
const heavy: typeof parts = {
  'training-full': benchFullSize,
  large: benchLarge,
  gpu: benchGpu,
};
/** Where a part's results are kept. */
const fileOf = (name: string): string =>
  join(import.meta.dirname, '..', 'test', 'bench', name === 'gpu' ? 'GPU.md' : 'RESULTS.md');

const known = Object.keys({ ...several, ...parts, ...heavy });
const asked = process.argv
  .slice(2)
  .filter((name) => name !== '--keep')
  .flatMap((name) => several[name] ?? [name]);
const wrong = asked.find((name) => !known.includes(name));
if (wrong !== undefined) {
  console.error(`npm run bench: no part "${wrong}"; there are ${known.join(', ')}, and --keep`);
  process.exit(2);
}

const cores = availableParallelism();
const load = (): number => loadavg()[0]!;
const processor = processorTitle();
console.log(processor);
const printed: string[] = [];
const log = console.log;
console.log = (...line: unknown[]) => {
  printed.push(line.map(String).join(' '));
  log(...line);
};
for (const [name, run] of Object.entries({ ...parts, ...heavy })) {
  if (asked.length > 0 ? !asked.includes(name) : name in heavy) continue;
  log(`\n## ${name}\n`);
  printed.length = 0;
  const before = load();
  await run();
  const machine =
    `${new Date().toISOString().slice(0, 10)}; ${cores} cores, ${(totalmem() / 1e9).toFixed(0)} GB, ` +
    `${platform()} ${release()}, Node ${process.versions.node}; load ${before.toFixed(1)} before, ${load().toFixed(1)} after`;
  log(`\n${machine}`);
  // One process of others on each core takes half of the time.
  if (before > cores / 2 && !process.argv.includes('--keep')) {
    log('Not kept in test/bench/RESULTS.md: the machine was busy; --keep keeps it all the same.');
    continue;
  }
  const result = `${machine}\n\n${printed.join('\n')}`;
  const file = fileOf(name);
  writeFileSync(file, withResult(readFileSync(file, 'utf8'), processor, name, result));
  log(`Kept in test/bench/${basename(file)}.`);
}
process.exit(0);
