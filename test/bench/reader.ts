/** What reading data files in a process of their own costs: 100,000 rows of three formats, there and here. */
import {
  createWriteStream,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { readDataset } from '../../server/src/datasets/index.js';
import {
  closeReaders,
  readDataset as readApart,
  warmReader,
} from '../../server/src/datasets/process/index.js';
import { firstPairs } from './inputs.js';

const ROWS = 100_000;
const ROUNDS = 3;
/** Clock ticks a second of /proc/PID/stat: the same on every Linux. */
const TICKS = 100;

type Texts = readonly [prompt: string, chosen: string, rejected: string];
const NAMES = ['prompt', 'chosen', 'rejected'] as const;

/** The pairs of hh-harmless again and again, none equal to another. */
async function* rows(): AsyncGenerator<Texts> {
  const pairs = await firstPairs('examples/hh-harmless.jsonl.gz', 1000);
  for (let i = 0; i < ROWS; i++) {
    const [a, b] = pairs[i % pairs.length]!.conversations;
    const last = (c: typeof a): string => c!.turns.at(-1)!.content;
    yield [`${a!.turns[0]!.content} (${i})`, last(a), last(b)];
  }
}

const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;

async function write(path: string, line: (texts: Texts) => string, head = ''): Promise<void> {
  const out = createWriteStream(path);
  out.write(head);
  for await (const texts of rows()) if (!out.write(line(texts))) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
}

async function makeFiles(folder: string): Promise<string[]> {
  const path = (name: string): string => join(folder, `pairs.${name}`);
  await write(
    path('jsonl'),
    (texts) => `${JSON.stringify(Object.fromEntries(NAMES.map((name, i) => [name, texts[i]])))}\n`,
  );
  await write(path('csv'), (texts) => `${texts.map(cell).join(',')}\n`, `${NAMES.join(',')}\n`);
  const columns: string[][] = [[], [], []];
  for await (const texts of rows()) for (const [i, text] of texts.entries()) columns[i]!.push(text);
  const columnData = NAMES.map((name, i) => ({ name, data: columns[i]!, type: 'STRING' as const }));
  writeFileSync(path('parquet'), Buffer.from(parquetWriteBuffer({ columnData })));
  return ['jsonl', 'csv', 'parquet'].map(path);
}

/** Seconds of processor time that this process's children took so far; undefined where it is not told. */
function ofChildren(): number | undefined {
  const list = `/proc/self/task/${process.pid}/children`;
  if (!existsSync(list)) return undefined;
  let ticks = 0;
  for (const pid of readFileSync(list, 'utf8').split(' ').filter(Boolean)) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS;
}

interface Took {
  readonly wall: number;
  readonly here: number;
  readonly there: number;
}

async function measure(path: string, apart: boolean): Promise<Took> {
  if (apart) {
    // As the program does it: the reader starts while the model is loaded.
    warmReader();
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
  const [begin, before, cpu] = [performance.now(), ofChildren() ?? 0, process.cpuUsage()];
  let count = 0;
  for await (const event of (apart ? readApart : readDataset)({ path }))
    if (event.type === 'row') count++;
  const { user, system } = process.cpuUsage(cpu);
  const took = {
    wall: (performance.now() - begin) / 1000,
    here: (user + system) / 1e6,
    there: (ofChildren() ?? NaN) - before,
  };
  closeReaders();
  if (count !== ROWS) throw new Error(`${path}: ${count} rows, expected ${ROWS}`);
  return took;
}

export async function benchReader(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-bench-reader-'));
  try {
    console.log(
      `${ROWS} pairs with a prompt; the best of ${ROUNDS} rounds, in s. cpu: of the process that asks, of the reader.`,
    );
    for (const path of await makeFiles(folder)) {
      const best = { direct: Infinity, apart: Infinity };
      const cpu = { direct: Infinity, here: Infinity, there: Infinity };
      for (let round = 0; round < ROUNDS; round++) {
        const direct = await measure(path, false);
        const apart = await measure(path, true);
        best.direct = Math.min(best.direct, direct.wall);
        best.apart = Math.min(best.apart, apart.wall);
        cpu.direct = Math.min(cpu.direct, direct.here);
        cpu.here = Math.min(cpu.here, apart.here);
        cpu.there = Math.min(cpu.there, apart.there);
      }
      const name = path.split('.').at(-1)!.padEnd(8);
      console.log(`  ${name} in the same process ${best.direct.toFixed(2)} (cpu ${cpu.direct.toFixed(2)})   in its own ${best.apart.toFixed(2)} (cpu ${cpu.here.toFixed(2)} + ${cpu.there.toFixed(2)})`); // prettier-ignore
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
