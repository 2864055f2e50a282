/**
 * `npm run soak -- MINUTES [--golden] [--seed N]`: a user's edits on five small files against the real
 * server, and whether its memory is flat after the first two minutes. A line for every sample goes to standard
 * output; the exit code is 1 when it is not flat.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client } from '../integration/lsp/client.js';
import { slopeOf } from './slope.js';
import { Workload } from './workload.js';

const WARM_MINUTES = 2;
const SAMPLE_MS = 10_000;
/** Growth that is no leak: bytes a minute, beyond what the interval leaves open. */
const FLAT = 256 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    golden: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const minutes = Number(positionals[0] ?? 12);
if (!(minutes > 0)) throw new Error(`'${positionals[0]}': expected a number of minutes`);

interface Sample {
  readonly minute: number;
  readonly edits: number;
  readonly rss: number;
  readonly evaluator: number;
  readonly heap: number;
  readonly external: number;
}

/** Resident bytes of a process; 0 where the system does not tell. */
function resident(pid: number): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return 1024 * Number(kilobytes ?? 0);
  } catch {
    return 0;
  }
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(7);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function sample(client: Client, began: number, edits: number): Promise<Sample> {
  // After the collection, as the heap: what is freed and not given back is the allocator's, not ours.
  const { rss, heapUsed, external } = await client.memory();
  const evaluator = client.evaluators().reduce((sum, pid) => sum + resident(pid), 0);
  const minute = (performance.now() - began) / 60_000;
  return { minute, edits, rss, evaluator, heap: heapUsed, external };
}

const client = await Client.start({
  measured: true,
  settings: { ...(values.golden ? {} : { model: { path: '' } }), autoAudit: 'open' },
});
const samples: Sample[] = [];
try {
  const workload = await Workload.start(client, { seed: Number(values.seed) });
  const began = performance.now();
  console.log(
    'minute   edits   RSS MB  evaluator  heap MB  external MB (server after a collection)',
  );
  for (let due = 0; ;) {
    const now = performance.now() - began;
    if (now >= due) {
      const s = await sample(client, began, workload.edits);
      samples.push(s);
      console.log(
        `${s.minute.toFixed(1).padStart(6)} ${String(s.edits).padStart(7)}  ${mb(s.rss)}    ${mb(s.evaluator)}  ${mb(s.heap)}      ${mb(s.external)}`,
      );
      due = now + SAMPLE_MS;
    }
    if (now > minutes * 60_000) break;
    await workload.step(pause);
  }
} finally {
  await client.stop();
}
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(samples));

const warm = samples.filter((s) => s.minute >= Math.min(WARM_MINUTES, minutes / 3));
let flat = true;
for (const [name, get] of [
  ['RSS of the server', (s: Sample) => s.rss],
  ['RSS of the evaluator', (s: Sample) => s.evaluator],
  ['heap and external memory', (s: Sample) => s.heap + s.external],
] as const) {
  const { slope, margin } = slopeOf(warm.map((s) => [s.minute, get(s)] as const));
  const grows = slope - margin > 0 && slope > FLAT;
  if (grows) flat = false;
  const [first, last] = [warm[0], warm.at(-1)].map((s) => (s ? mb(get(s)).trim() : '?'));
  console.log(
    `${name}: ${first} to ${last} MB, ${(slope / 1e6).toFixed(3)} ± ${(margin / 1e6).toFixed(3)} MB a minute (95 %): ${grows ? 'GROWS' : 'flat'}`,
  );
}
console.log(
  `${samples.at(-1)?.edits ?? 0} edits in ${minutes} minutes: ${flat ? 'flat' : 'NOT FLAT'}`,
);
process.exitCode = flat ? 0 : 1;
