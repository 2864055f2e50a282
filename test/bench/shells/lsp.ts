import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import {
  METHODS,
  type ExportResult,
  type ServerSettings,
} from '../../../server/src/protocol/index.js';
import { BenchServer, ROOT, type LoopDelay } from './lsp-client.js';

const TINY = join(ROOT, 'test/fixtures/golden/llama3-qrm-k5-m3');
const EMBEDDED = join(ROOT, 'models/default');
const HOVERS = 400;
const LARGE_ROWS = 1_000_000;
/** Distinct pairs of the large file: all but the first rows are scored from the store. */
const DISTINCT = 200;
const TARGET_HOVER_MS = 50;
const TARGET_BLOCK_MS = 50;
const TARGET_BYTES = 600e6;

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
const target = (good: boolean, words: string): string => `${good ? 'meets' : 'MISSES'} ${words}`;
const line = (name: string, ...figures: string[]): void =>
  console.log(`  ${name.padEnd(44)}${figures.filter((f) => f !== '').join('   ')}`);

/** What a user of the editor waits for: the server over stdio, driven by a real client. */
export async function benchLsp(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-bench-lsp-'));
  try {
    const embedded = existsSync(join(EMBEDDED, 'bundle.json'));
    const settings = embedded ? {} : { model: { path: TINY } };
    console.log(`Opening hh-harmless, ${embedded ? 'embedded model' : 'tiny model'}:`);
    await benchOpening(folder, settings);
    console.log(`100,000 short pairs open, tiny model:`);
    await benchBusy(folder);
    console.log(`${LARGE_ROWS.toLocaleString('en')} rows from disk, tiny model:`);
    await benchLarge(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Time to the first diagnostic: cold, warm, cached; and hovers while the real model scores. */
async function benchOpening(folder: string, settings: Partial<ServerSettings>): Promise<void> {
  const packed = readFileSync(join(ROOT, 'examples/hh-harmless.jsonl.gz'));
  const lines = gunzipSync(packed).toString('utf8').trimEnd().split('\n');
  const half = lines.length >> 1;
  const [one, other] = [lines.slice(0, half), lines.slice(half)];
  const cache = join(folder, 'cache');
  const options = { cache, store: join(folder, 'store'), settings };
  // Converts the model: that happens once for each user, not at each start.
  const converter = await BenchServer.start({ ...options, store: join(folder, 'other-store') });
  const converting = performance.now();
  await converter.audit(await converter.open(join(folder, 'one.jsonl'), one[0] ?? ''));
  line('model loaded for the first time, one pair', ms(performance.now() - converting));
  await converter.stop();

  const starting = performance.now();
  let server = await BenchServer.start(options);
  line('server started and initialized', ms(performance.now() - starting));
  const uri = await firstDiagnostic(server, 'cold: model to load, no score known', one, folder);
  await server.request(METHODS.cancel, { uri });
  await server.loopDelay();
  const warm = await firstDiagnostic(server, 'warm: model loaded, no score known', other, folder);
  printHovers('hover while scoring', await hovers(server, warm, other), await server.loopDelay());
  const done = performance.now();
  const { scored } = await server.audit(warm);
  const rate = `${((performance.now() - done) / 1000).toFixed(1)} s`;
  line('the rest of its responses scored', `${rate} (${scored} in all)`);
  await firstDiagnostic(server, 'cached: model loaded, scores known', other, folder);
  await server.stop();
  server = await BenchServer.start(options);
  await firstDiagnostic(server, 'cached: server just started, scores known', other, folder);
  await server.stop();
}

let files = 0;
async function firstDiagnostic(
  server: BenchServer,
  name: string,
  lines: readonly string[],
  folder: string,
): Promise<string> {
  const path = join(folder, `file-${files++}.jsonl`);
  const uri = pathToFileURL(path).href;
  const start = performance.now();
  const since = (): number => performance.now() - start;
  const times = Promise.all([
    server.firstDiagnostics(uri).then(since),
    server.firstScore(uri).then(since),
  ]);
  await server.open(path, lines.join('\n'));
  const [diagnostic, score] = await times;
  line(name, `first diagnostic ${ms(diagnostic)}`, `first score ${ms(score)}`);
  return uri;
}

interface Hovers {
  /** Round trips in ms, ascending. */
  readonly times: readonly number[];
  /** Those that were asked while the document was being scored. */
  readonly during: number;
  readonly shown: number;
}

/** Hovers over the chosen responses all through a text, a few milliseconds apart. */
async function hovers(server: BenchServer, uri: string, lines: readonly string[]): Promise<Hovers> {
  const times: number[] = [];
  let [during, shown] = [0, 0];
  for (let n = 0; n < HOVERS; n++) {
    // Every second one on the first screen, whose rows are scored first.
    const at = n % 2 === 0 ? n % 60 : (n * 7919) % lines.length;
    const text = lines[at] ?? '';
    const character = /",\s*"rejected"/.exec(text)?.index ?? 1;
    const params = { textDocument: { uri }, position: { line: at, character: character - 1 } };
    const start = performance.now();
    const hover = await server.request<{ contents: unknown } | null>('textDocument/hover', params);
    times.push(performance.now() - start);
    if (hover !== null) shown++;
    if (n % 20 === 0) {
      const { state } = await server.request<{ state: string }>(METHODS.summary, { uri });
      if (state === 'running') during += 20;
    }
    await sleep(8);
  }
  return { times: times.sort((a, b) => a - b), during, shown };
}

function printHovers(name: string, { times, during, shown }: Hovers, delay: LoopDelay): void {
  const at = (share: number): number => times[Math.ceil(share * times.length) - 1] ?? 0;
  line(
    `${name}, ${times.length} requests`,
    `p50 ${ms(at(0.5))}, p99 ${ms(at(0.99))}, max ${ms(at(1))}`,
    target(at(0.99) < TARGET_HOVER_MS, `p99 < ${TARGET_HOVER_MS} ms`),
    `(${shown} shown, ${during} while scoring)`,
  );
  printDelay(delay);
}

function printDelay({ late, own, p99 }: LoopDelay): void {
  line(
    `server's event loop in that time`,
    `blocked ${ms(own)} at most, p99 ${ms(p99)}`,
    target(own < TARGET_BLOCK_MS, `< ${TARGET_BLOCK_MS} ms`),
    `(${ms(late)} with the wait for a core)`,
  );
}

/** A tiny model gives thousands of scores a second: the load is the server's own. */
async function benchBusy(folder: string): Promise<void> {
  const lines = Array.from(
    { length: 100_000 },
    (_, n) => `{"prompt":"Question ${n}?","chosen":"Answer ${n}.","rejected":"No ${n}."}`,
  );
  const options = { cache: join(folder, 'cache'), store: join(folder, 'busy-store') };
  const server = await BenchServer.start({ ...options, settings: { model: { path: TINY } } });
  const uri = await firstDiagnostic(server, 'first diagnostic', lines, folder);
  await server.loopDelay();
  printHovers('hover while scoring', await hovers(server, uri, lines), await server.loopDelay());
  await server.request(METHODS.cancel, { uri });
  await server.stop();
}

/** Memory, event loop and rows per second of a file that is read from disk, scored from the store. */
async function benchLarge(folder: string): Promise<void> {
  const path = join(folder, 'large.jsonl');
  await writeLarge(path);
  const uri = pathToFileURL(path).href;
  const options = { cache: join(folder, 'cache'), store: join(folder, 'large-store') };
  const server = await BenchServer.start({ ...options, settings: { model: { path: TINY } } });
  for (const name of ['first audit', 're-audit from the store']) {
    await server.loopDelay();
    const start = performance.now();
    const { rows, scored, fromStore } = await server.audit(uri);
    const seconds = (performance.now() - start) / 1000;
    line(
      `${name} (${megabytes(statSync(path).size)})`,
      `${Math.round(rows / seconds).toLocaleString('en')} rows/s`,
      `${seconds.toFixed(1)} s, ${fromStore} of ${scored} responses from the store`,
    );
    printDelay(await server.loopDelay());
  }
  const peak = server.memory('VmHWM');
  const own = server.memory('RssAnon');
  line(
    `server's memory`,
    peak === undefined
      ? 'not measured on this system'
      : `${megabytes(peak)} at most   ${target(peak < TARGET_BYTES, `< ${megabytes(TARGET_BYTES)}`)}`,
    own === undefined ? '' : `(${megabytes(own)} of its own at the end)`,
  );
  for (const format of ['html', 'parquet', 'csv'] as const) {
    const out = join(folder, `report.${format}`);
    await server.loopDelay();
    const start = performance.now();
    await server.request<ExportResult>(METHODS.exportReport, { uri, format, path: out });
    const seconds = (performance.now() - start) / 1000;
    line(`report as ${format}`, `${seconds.toFixed(1)} s, ${megabytes(statSync(out).size)}`);
    printDelay(await server.loopDelay());
    rmSync(out);
  }
  const most = server.memory('VmHWM');
  if (most !== undefined) line(`server's memory with the reports`, `${megabytes(most)} at most`);
  await server.stop();
  rmSync(path);
}

async function writeLarge(path: string): Promise<void> {
  const rows = Array.from({ length: DISTINCT }, (_, n) =>
    JSON.stringify({
      prompt: `What should one know about subject number ${n}?`,
      chosen: `Subject ${n} is best met with patience and a good book.`,
      rejected: `Nobody cares for subject ${n}.`,
    }),
  );
  const block = `${rows.join('\n')}\n`;
  const file = await open(path, 'w');
  try {
    for (let n = 0; n < LARGE_ROWS; n += 10 * DISTINCT) await file.write(block.repeat(10));
  } finally {
    await file.close();
  }
}
