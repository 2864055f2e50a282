import { count, plural } from '../../protocol/index.js';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { visible } from '../../audit/report/index.js';
import { closeReaders, detectFormat } from '../../datasets/process/index.js';
import type { CommonOptions } from '../common.js';
import { EXIT, UsageError } from '../errors.js';
import { interrupted, onInterrupt } from '../interrupt.js';
import { Progress } from '../output/progress.js';
import { messageOf } from '../../errors.js';
import { sayer } from '../output/output.js';

/** `qrm score --ray`: what it adds to the options of `score`. */
export interface RayOptions extends CommonOptions {
  readonly ray: string;
  readonly replicas: number;
  readonly gpusPerReplica: number;
  readonly cpusPerReplica: number;
  readonly shardSize: number;
  readonly qrm?: string;
  readonly python: string;
}

/** The lines of scale/job.py. */
type Told =
  | { readonly step: 'plan'; readonly files: number; readonly units: number }
  | { readonly step: 'resume'; readonly units: number; readonly done: number }
  | {
      readonly step: 'score';
      readonly done: number;
      readonly units: number;
      readonly rows: number;
      readonly responses: number;
    }
  | {
      readonly step: 'end';
      readonly shards: number;
      readonly responses: number;
      readonly failed: number;
      readonly bad: number;
      readonly problems: readonly {
        readonly file: string;
        readonly line: number;
        readonly column: number;
        readonly message: string;
        readonly code: string;
      }[];
    }
  | { readonly step: 'error'; readonly message: string };

const flags = (options: Readonly<Record<string, string | number | undefined>>): string[] =>
  Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );

const isLocal = (path: string): boolean => !/^[a-z][a-z0-9+.-]*:\/\//i.test(path);

/** Scores the files on a Ray cluster, into shards in a folder; run again it goes on with what is missing. */
export async function scoreOnRay(inputs: readonly string[], o: RayOptions): Promise<number> {
  const { out } = o;
  if (out === undefined) throw new UsageError('--ray: expected --out with a folder for the shards');
  for (const [flag, given] of [
    ['--weights', o.weights],
    ['--limit', o.limit],
    ['--endpoint', o.endpoint],
  ] as const) {
    if (given !== undefined) throw new UsageError(`--ray: no ${flag}; qrm audit --scores takes it`);
  }
  const job = fileURLToPath(new URL('../scale/job.py', import.meta.url));
  if (!existsSync(job)) throw new UsageError(`--ray: ${job} is missing from this installation`);
  const { signal } = onInterrupt();
  const whole: string[] = [];
  // A session log is one conversation over many lines: such a file is not divided.
  for (const path of inputs.filter((path) => isLocal(path) && existsSync(path))) {
    const format = await detectFormat({ path }, signal, o.mapping);
    if (format?.log !== undefined) whole.push(resolve(path));
  }
  await closeReaders();
  const settings = { tau: o.tau, lambda: o.lambda, cvarLevel: o.cvarLevel };
  const named = o.model !== undefined && existsSync(o.model) ? resolve(o.model) : o.model;
  const engine = flags({ device: o.device, precision: o.precision, model: named });
  const resources = flags({ threads: o.threads, 'gpu-memory': o.gpuMemory });
  const program =
    o.qrm === undefined ? [process.execPath, process.argv[1] ?? ''] : o.qrm.split(' ');
  const orders = {
    ray: o.ray,
    input: inputs.map((path) => (isLocal(path) ? resolve(path) : path)),
    whole,
    out: isLocal(out) ? resolve(out) : out,
    replicas: o.replicas,
    gpus: o.gpusPerReplica,
    cpus: o.cpusPerReplica,
    unitBytes: Math.round(o.shardSize * 2 ** 20),
    command: [...program, 'serve', '--stdio', '--quiet', ...engine, ...resources],
    settings,
    format: o.inputFormat,
    mapping: o.mapping,
    // What a shard's numbers depend on, besides the data.
    run: createHash('sha256')
      .update(JSON.stringify([engine, settings, o.inputFormat, o.mapping]))
      .digest('hex')
      .slice(0, 16),
  };
  return follow(job, orders, o, signal);
}

async function follow(
  job: string,
  orders: object,
  o: RayOptions,
  signal: AbortSignal,
): Promise<number> {
  const say = sayer(o.quiet);
  const child = spawn(o.python, [job], { cwd: dirname(job), stdio: ['pipe', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGINT');
  signal.addEventListener('abort', stop, { once: true });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4000);
    if (process.env['QRM_DEBUG'] === '1') process.stderr.write(text);
  });
  const ended = new Promise<number | null>((done, failed) =>
    child.on('close', done).on('error', failed),
  );
  ended.catch(() => undefined);
  child.stdin.on('error', () => undefined).end(JSON.stringify(orders));
  const bar = new Progress(o.quiet ?? false);
  let last: Told | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    last = parse(line) ?? last;
    if (last === undefined) continue;
    if (last.step === 'plan') say(`${plural(last.files, 'file')}, ${plural(last.units, 'shard')}`);
    if (last.step === 'resume' && last.done > 0)
      say(`${count(last.done)} of ${plural(last.units, 'shard')} there already`);
    if (last.step === 'score') bar.step(last.done / last.units, last.responses, 0, last.rows);
  }
  bar.end();
  const code = await ended.catch((error: unknown) => {
    throw new UsageError(`--python ${o.python}: ${messageOf(error)}`);
  });
  if (signal.aborted) {
    return interrupted('Whole shards are kept', say);
  }
  if (last?.step !== 'end') {
    const why = last?.step === 'error' ? last.message : lastLine(words);
    throw new Error(`--ray ${o.ray}: ${visible(why || `${o.python} ended with ${code}`)}`);
  }
  for (const { file, line, column, message, code } of last.problems)
    process.stderr.write(`${visible(`${file}:${line}:${column} ${message} (${code})`)}\n`);
  if (last.bad > last.problems.length)
    say(`${count(last.bad)} pieces could not be read; ${count(last.problems.length)} are listed`);
  say(`${plural(last.responses, 'response')} in ${plural(last.shards, 'shard')}: ${o.out}`);
  if (last.failed > 0) say(`${count(last.failed)} of them have an error in place of a score`);
  say(`Next: qrm audit --scores ${o.out}`);
  return last.responses === 0 ? EXIT.unreadable : EXIT.ok;
}

function parse(line: string): Told | undefined {
  try {
    return JSON.parse(line) as Told;
  } catch {
    return undefined;
  }
}

/** Of a Python traceback the line that says what happened. */
function lastLine(words: string): string {
  const line = words.trim().split('\n').at(-1) ?? '';
  return /No module named '?(ray|pyarrow)/.test(line)
    ? `${line}: pip install -r scale/requirements.txt, or name the Python that has it with --python`
    : line;
}
