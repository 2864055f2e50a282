import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { treeTokens, type TokenTree } from '../../server/src/engine/trees/packing.js';
import { openCheckpoint } from '../../server/src/model/bundle/published/checkpoint.js';
import { bytesOf, formOf, tokenBytes } from '../../server/src/model/bundle/backbone/form.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import { writePaths } from '../../server/src/model/graph/paths/file.js';
import { variantFor } from '../../server/src/model/graph/paths/variants.js';
import type { Precision } from '../../server/src/protocol/index.js';
import { TREES } from '../../server/src/engine/device/probe-model.js';
import { goldenFolder, goldenNames } from '../unit/model/golden.js';
import { layoutConfig, LAYOUTS, writeLayout, type LayoutName } from './layouts.js';
import { faultsOf, readPlacement } from './log.js';
import type { RunFacts } from './run.js';

const PRECISIONS: readonly Precision[] = ['float16', 'bfloat16', 'int8', 'int4'];
/** Layers of a true size: what the first and the last do differs, all between are alike. */
const LAYERS = 2;
/** Tokens of a batch of true size, in rows of 512. */
const ROWS = 8;
const gb = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;

/** What was seen of one model in one form. */
interface Seen {
  readonly faults: readonly string[];
  readonly nodes: number;
  /** Bytes that the provider asked of the device at most. */
  readonly device: number;
  /** Bytes of the process at most, the device's among them. */
  readonly resident: number;
}

/** Loads and runs a graph in a process of its own and reads what ONNX Runtime said of it. */
async function look(
  graph: string,
  config: ModelConfig,
  trees: readonly TokenTree[],
  folder: string,
): Promise<Seen> {
  const spec = join(folder, 'spec.json');
  writeFileSync(spec, JSON.stringify({ graph, config, provider: 'cuda', trees }));
  const standIn = join(folder, 'standin.log');
  rmSync(standIn, { force: true });
  const env = {
    ...process.env,
    ORT_ENABLE_ATTENTION_KERNEL_DEBUG_INFO: '1',
    STANDIN_LOG: standIn,
  };
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [process.argv[1]!, 'run', spec],
      { env, maxBuffer: 1 << 30 },
    );
    const facts = JSON.parse(stdout.trim().split('\n').at(-1)!) as RunFacts;
    const placement = readPlacement(`${stdout}\n${stderr}`);
    const log = existsSync(standIn) ? readFileSync(standIn, 'utf8') : '';
    return {
      faults: faultsOf(placement, config.layers),
      nodes: [...placement.nodes.values()].reduce((a, b) => a + b, 0),
      device: Number(/^PEAK (\d+)/m.exec(log)?.[1] ?? 0),
      resident: facts.resident,
    };
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr ?? error);
    const said = words.split('\n').filter((line) => /error|exception|fail/i.test(line));
    return { faults: [said.at(-1) ?? words.slice(-300)], nodes: 0, device: 0, resident: 0 };
  }
}

async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-placement-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where the nodes of a golden checkpoint go. */
const lookAtGolden = (name: string, precision: Precision): Promise<Seen & { layers: number }> =>
  inFolder(async (folder) => {
    const { config, source } = await openCheckpoint(goldenFolder(name));
    const names = { graph: 'backbone.onnx', data: 'backbone.data' };
    const variant = variantFor('cuda', precision, config)!;
    await writePaths(source, config, variant, folder, names);
    await source.close();
    const seen = await look(join(folder, names.graph), config, TREES, folder);
    return { ...seen, layers: config.layers };
  });

/** Every golden checkpoint in every form of CUDA: its nodes, copies and attention. @returns faults */
async function checkGoldenPlacement(names: readonly string[]): Promise<number> {
  let wrong = 0;
  for (const precision of PRECISIONS) {
    let [nodes, layers] = [0, 0];
    const bad: string[] = [];
    for (const name of names) {
      const seen = await lookAtGolden(name, precision);
      nodes += seen.nodes;
      layers += seen.layers;
      for (const fault of seen.faults) bad.push(`${name}: ${fault}`);
    }
    const verdict = bad.length === 0 ? 'all on CUDA, no copies, all Flash' : 'NOT AS IT SHOULD BE';
    console.log(
      `  ${precision.padEnd(8)} ${names.length} checkpoints, ${nodes} nodes, ${layers} layers: ${verdict}`,
    );
    for (const line of bad) console.log(`    WRONG ${line}`);
    wrong += bad.length;
  }
  return wrong;
}

/** True sizes with two layers, and the memory that they take. @returns faults */
async function checkTrueSizes(): Promise<number> {
  let wrong = 0;
  for (const name of Object.keys(LAYOUTS) as LayoutName[]) {
    const whole = layoutConfig(name);
    const config = layoutConfig(name, LAYERS);
    for (const precision of PRECISIONS) {
      await inFolder(async (folder) => {
        const form = formOf(precision, 'cuda', config);
        const graph = await writeLayout(config, form.variant!, folder);
        const trees = Array.from({ length: ROWS }, (_, row) => ({
          trunk: Array.from({ length: 512 }, (_unused, i) => (31 * i + 7 * row) % 1000),
          branches: [],
          wanted: [{ branch: -1, index: 511 }],
        }));
        const tokens = trees.reduce((n, tree) => n + treeTokens(tree), 0);
        const { faults, nodes, device, resident } = await look(graph, config, trees, folder);
        const each = tokenBytes(form, config);
        const weights = bytesOf(form, config, 'cuda') - 512 * each;
        const rest = (device - weights) / tokens;
        console.log(
          `  ${name} ${precision.padEnd(8)} ${LAYERS} of ${whole.layers} layers, ${nodes} nodes, ${tokens} tokens: ` +
            `${faults.length === 0 ? 'all on CUDA, no copies, all Flash' : 'NOT AS IT SHOULD BE'}; device ` +
            `${gb(device)} at most (weights ${gb(weights)}, ${(rest / 1e6).toFixed(2)} MB a token; ` +
            `${(each / 1e6).toFixed(2)} reckoned), process ${gb(resident)}; all layers: ` +
            `${gb(bytesOf(formOf(precision, 'cuda', whole), whole, 'cuda') + (tokens - 512) * each)} reckoned`,
        );
        for (const fault of faults) console.log(`    WRONG ${fault}`);
        wrong += faults.length;
      });
    }
  }
  return wrong;
}

export async function checkPlacement(): Promise<number> {
  console.log('Golden checkpoints on CUDA’s provider (stand-ins for CUDA: nothing is computed)');
  let wrong = await checkGoldenPlacement(goldenNames);
  console.log('True sizes');
  wrong += await checkTrueSizes();
  return wrong;
}

/** One checkpoint of each kind, for a card that is lent by the minute. */
export async function checkSomePlacement(): Promise<number> {
  console.log('Placement');
  return checkGoldenPlacement(['llama3-qrm-k5-m3', goldenNames.find((n) => /gemma.?2/.test(n))!]);
}
