// llama.cpp's side of the benchmark, by node-llama-cpp: node llama_reference.mjs FOLDER (where `npm install
// node-llama-cpp` was run). Reads one JSON command a line, answers with one JSON line:
//   {"load": {"files": {variant: gguf}, "threads": n}}   loads the files, on the CPU
//   {"run": variant, "set": file}      runs all sequences of a JSON file ({"ids": [...]}) in batches; gives seconds
//   {"hidden": file, "run": variant, "set": file, "count": n}   float32 hidden states at the last position of the first n
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const folder = join(resolve(process.argv[2] ?? '.'), 'node_modules', 'node-llama-cpp');
const { getLlama } = await import(pathToFileURL(join(folder, 'dist', 'index.js')).href);
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Tokens of a batch, and sequences that may share one: the best of what was tried (RESULTS.md). */
const BATCH = Number(process.env.QRM_BENCH_LLAMA_BATCH ?? 512);
const SEQUENCES = Number(process.env.QRM_BENCH_LLAMA_SEQUENCES ?? 4);
const models = new Map();
let threads;

async function run(model, ids) {
  const longest = Math.max(...ids.map((s) => s.length));
  const context = await model.createContext({
    contextSize: longest + 1,
    batchSize: BATCH,
    sequences: SEQUENCES,
    threads,
    flashAttention: process.env.QRM_BENCH_LLAMA_FLASH !== '0',
    batching: { itemPrioritizationStrategy: 'firstInFirstOut' },
  });
  const sequences = Array.from({ length: SEQUENCES }, () => context.getSequence());
  await sequences[0].evaluateWithoutGeneratingNewTokens(ids[0]);
  // Alike long ones beside one another, as PyTorch has them.
  const order = [...ids.keys()].sort((a, b) => ids[b].length - ids[a].length);
  const start = performance.now();
  let next = 0;
  await Promise.all(
    sequences.map(async (sequence) => {
      while (next < order.length) {
        const tokens = ids[order[next++]];
        await sequence.clearHistory();
        await sequence.evaluateWithoutGeneratingNewTokens(tokens);
      }
    }),
  );
  const seconds = (performance.now() - start) / 1000;
  await context.dispose();
  return seconds;
}

async function hidden(model, ids, file) {
  const contextSize = Math.max(...ids.map((s) => s.length)) + 1;
  const context = await model.createEmbeddingContext({ contextSize, batchSize: 2048, threads });
  const rows = [];
  for (const tokens of ids) {
    if (context.calculateInputLength([...tokens]) !== tokens.length)
      throw new Error('tokens are added');
    rows.push(...(await context.getEmbeddingFor([...tokens])).vector);
  }
  writeFileSync(file, Float32Array.from(rows));
  await context.dispose();
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer = {};
  if ('load' in command) {
    threads = command.load.threads;
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      maxThreads: threads,
      logLevel: 'error',
    });
    for (const [name, modelPath] of Object.entries(command.load.files))
      models.set(name, await llama.loadModel({ modelPath }));
    const release = llama.llamaCppRelease.release;
    answer = { told: `${release} (node-llama-cpp ${version}), ${threads} threads (${folder})` };
  } else {
    const { ids } = JSON.parse(readFileSync(command.set, 'utf8'));
    const model = models.get(command.run);
    if ('hidden' in command) await hidden(model, ids.slice(0, command.count), command.hidden);
    else answer = { seconds: await run(model, ids) };
  }
  console.log(JSON.stringify(answer));
}
