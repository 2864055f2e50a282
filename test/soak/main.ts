/**
 * `npm run soak -- MINUTES [--golden] [--seed N]`: a user's edits on five small files against the real
 * server, and whether its memory is flat after the first two minutes. A line for every sample goes to standard
 * output; the exit code is 1 when it is not flat.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client } from '../integration/lsp/editor/client.js';
import { slopeOf } from './slope.js';
import { Workload } from './workload.js';

const WARM_MINUTES = 2;
const SAMPLE_MS = 10_000;
/** A collection gives back what an ordinary run keeps for a while: the samples between are without one. */
const COLLECT_MS = 60_000;
/** Growth that is no leak: bytes a minute, beyond what the interval leaves open. */
const FLAT = 256 * 1024;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    golden: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
    /** Seconds between forced collections. */
    collect: { type: 'string' },
  },
});
const minutes = Number(positionals[0] ?? 12);
if (!(minutes > 0)) throw new Error(`'${positionals[0]}': expected a number of minutes`);

interface Sample {
  readonly minute: number;
  readonly edits: number;
  /** Resident, as the server runs. */
  readonly rss: number;
  /** Of it, what no file stands behind (the score store's pages are the file's). */
  readonly anonymous: number;
  readonly evaluator: number;
  /** After a forced collection. */
  readonly heap?: number;
  readonly external?: number;
}

/** Bytes of a line of /proc/PID/status; 0 where the system does not tell. */
function bytesOf(pid: number | undefined, line: 'VmRSS' | 'RssAnon'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return 1024 * Number(new RegExp(`${line}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(7);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function sample(minute: number, edits: number, collect: boolean): Promise<Sample> {
  const { pid } = client.process;
  const evaluator = client.evaluators().reduce((sum, p) => sum + bytesOf(p, 'RssAnon'), 0);
  const seen = { rss: bytesOf(pid, 'VmRSS'), anonymous: bytesOf(pid, 'RssAnon'), evaluator };
  if (!collect) return { minute, edits, ...seen };
  const { heapUsed: heap, external } = await client.memory();
  return { minute, edits, ...seen, heap, external };
}

const client = await Client.start({
  measured: true,
  settings: { ...(values.golden ? {} : { model: { path: '' } }), autoAudit: 'open' },
});
const samples: Sample[] = [];
try {
  const workload = await Workload.start(client, { seed: Number(values.seed), full: true });
  const began = performance.now();
  const collectMs = values.collect === undefined ? COLLECT_MS : 1000 * Number(values.collect);
  console.log(
    'minute   edits   RSS MB  (anonymous)  evaluator  after a collection: heap, external',
  );
  for (let due = 0, collect = 0; ;) {
    const now = performance.now() - began;
    const last = now > minutes * 60_000;
    if (now >= due || last) {
      const s = await sample(now / 60_000, workload.edits, now >= collect || last);
      samples.push(s);
      const after = s.heap === undefined ? '' : `${mb(s.heap)} ${mb(s.external ?? 0)}`;
      console.log(
        `${s.minute.toFixed(1).padStart(6)} ${String(s.edits).padStart(7)}  ${mb(s.rss)}    ${mb(s.anonymous)}    ${mb(s.evaluator)}    ${after}`,
      );
      due = now + SAMPLE_MS;
      if (now >= collect) collect = now + collectMs;
    }
    if (last) break;
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
  ['anonymous memory of the server', (s: Sample) => s.anonymous],
  ['anonymous memory of the evaluator', (s: Sample) => s.evaluator],
  [
    'heap and external memory after collections',
    (s: Sample) => (s.heap ?? NaN) + (s.external ?? NaN),
  ],
] as const) {
  const points = warm.map((s) => [s.minute, get(s)] as const).filter(([, y]) => !Number.isNaN(y));
  const { slope, margin } = slopeOf(points);
  const grows = slope - margin > 0 && slope > FLAT;
  if (grows) flat = false;
  const [first, last] = [points[0], points.at(-1)].map((p) => mb(p?.[1] ?? NaN).trim());
  console.log(
    `${name}: ${first} to ${last} MB, ${(slope / 1e6).toFixed(3)} ± ${(margin / 1e6).toFixed(3)} MB a minute (95 %): ${grows ? 'GROWS' : 'flat'}`,
  );
}
console.log(
  `${samples.at(-1)?.edits ?? 0} edits in ${minutes} minutes: ${flat ? 'flat' : 'NOT FLAT'}`,
);
process.exitCode = flat ? 0 : 1;
