/**
 * `npm run bench`: throughput side by side with PyTorch on the 135M backbone and the first 256 pairs of
 * hh-harmless, then what a user feels. `npm run bench -- engine|lsp|reader|training` runs one part, and
 * `-- training-full` fits an attribute of the paper's size.
 */
import { cpus, availableParallelism, platform, release } from 'node:os';
import { benchEngine } from './engine.js';
import { benchLsp } from './lsp.js';
import { benchReader } from './reader.js';
import { benchFullSize, benchTraining } from './training.js';

const parts: Readonly<Record<string, () => Promise<void>>> = {
  engine: benchEngine,
  lsp: benchLsp,
  reader: benchReader,
  training: benchTraining,
};
/** Hours, or much memory: only when they are named. */
const heavy: typeof parts = { 'training-full': benchFullSize };
const asked = process.argv.slice(2);
console.log(
  `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ` +
    `${availableParallelism()} cores, ${platform()} ${release()}, Node ${process.versions.node}`,
);
for (const [name, run] of Object.entries({ ...parts, ...heavy })) {
  if (asked.length > 0 ? !asked.includes(name) : name in heavy) continue;
  console.log(`\n## ${name}\n`);
  await run();
}
process.exit(0);
