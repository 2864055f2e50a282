// node test/peers/cluster-rates.mjs ROWS [MODEL]: rows/s of `qrm score --ray local` at 1 and 2 replicas of one thread, beside
// `qrm score` of one process, and of `qrm audit --scores` over the shards (MODEL: default the embedded one; `tiny` a golden one).
// Starts are taken off: each is run on two rows first. All share this machine's cores.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { numberedPairs, rayPython, root } from './pairs.mjs';

const [rows = '1000', named] = process.argv.slice(2);
const golden = join(root, 'test', 'fixtures', 'golden', 'llama3-qrm-k5-m3');
const tiny = named === 'tiny' ? ['--model', golden, '--precision', 'float32'] : ['--model', named];
const model = named === undefined ? [] : tiny;
const work = mkdtempSync(join(tmpdir(), 'qrm-rates-'));
const all = join(work, 'all.jsonl');
const few = join(work, 'few.jsonl');
writeFileSync(all, numberedPairs(Number(rows)));
writeFileSync(few, numberedPairs(2));
// So many shards that the last ones even the work out.
const shard = `${statSync(all).size / 2 ** 20 / 16}`;
const ray = ['--ray', 'local', '--cpus-per-replica', '1', '--shard-size', shard, '--python', rayPython()]; // prettier-ignore

/** Seconds by the clock, or the end of all. */
function seconds(args) {
  const began = performance.now();
  const run = spawnSync(process.execPath, [join(root, 'dist', 'cli.js'), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`qrm ${args.join(' ')}\n${run.stderr}`);
  return (performance.now() - began) / 1000;
}
const score = (file, ...args) => seconds(['score', file, ...model, '--device', 'cpu', ...args]);
const told = (name, start, whole) =>
  console.log(
    `${name.padEnd(34)} start ${start.toFixed(1).padStart(5)} s, then ${(Number(rows) / (whole - start)).toFixed(1).padStart(8)} rows/s`,
  );

console.log(`${rows} rows, load ${loadavg()[0].toFixed(1)} before`);
try {
  score(few, '--no-store', '--threads', '1'); // converts the model, where it is
  for (const threads of ['1', '2']) {
    const one = (file) => score(file, '--no-store', '--threads', threads);
    told(`qrm score, ${threads} thread(s)`, one(few), one(all));
  }
  for (const replicas of ['1', '2']) {
    const on = (file, out) =>
      score(file, ...ray, '--threads', '1', '--replicas', replicas, '--out', join(work, out));
    told(`--ray local, ${replicas} replica(s)`, on(few, `few-${replicas}`), on(all, `all-${replicas}`)); // prettier-ignore
  }
  const shards = join(work, 'all-2');
  const bytes = readdirSync(shards).reduce((n, f) => n + statSync(join(shards, f)).size, 0);
  console.log(`shards: ${(bytes / Number(rows)).toFixed(0)} bytes a row, of ${(statSync(all).size / Number(rows)).toFixed(0)} of data`); // prettier-ignore
  const audit = (file, out) => seconds(['audit', file, '--scores', join(work, out), '--format', 'json']); // prettier-ignore
  told('qrm audit --scores', audit(few, 'few-2'), audit(all, 'all-2'));
} finally {
  rmSync(work, { recursive: true });
}
