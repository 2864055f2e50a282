import { Worker } from 'node:worker_threads';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type { KernelSet } from '../../server/src/engine/identity.js';
import {
  MEASURED,
  nativeLibrary,
  type NativeLibrary,
} from '../../server/src/engine/backbone/native.js';
import { GraphBuilder } from '../../server/src/model/graph/builder.js';
import type { Peer } from './peers/peer.js';

const SIZE = 2048;
const RUNS = 20;

/** A thread that multiplies int8 matrices as the model's graph does, and tells how long it took. */
const BODY = `
const { workerData, parentPort } = require('node:worker_threads');
const { InferenceSession, Tensor } = require('onnxruntime-node');
(async () => {
  const session = await InferenceSession.create(workerData.model, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const x = new Tensor('uint8', new Uint8Array(workerData.size ** 2).fill(77), [workerData.size, workerData.size]);
  await session.run({ x });
  const start = performance.now();
  for (let i = 0; i < workerData.runs; i++) await session.run({ x });
  parentPort.postMessage((performance.now() - start) / 1000);
})();`;

/** Operations a second of MatMulIntegerToFloat alone, all threads together: 2 x 2048^3 a product. */
export async function measureCeiling(threads: number): Promise<number> {
  const g = new GraphBuilder();
  const x = g.input('x', 'uint8', [SIZE, SIZE]);
  const weights = Int8Array.from({ length: SIZE * SIZE }, (_, i) => ((i * 31) % 255) - 127);
  const product = g.op(
    'MatMulIntegerToFloat',
    [
      x,
      g.tensor('w', [SIZE, SIZE], weights),
      g.scalar(1),
      g.tensor('scale', [SIZE], new Float32Array(SIZE).fill(0.01)),
      g.constant('uint8', [128], []),
    ],
    {},
    { domain: 'com.microsoft' },
  );
  g.output(product, 'y', 'float32', [SIZE, SIZE]);
  const model = g.serialize('ceiling');
  const seconds = await slowestOf(threads, BODY, { model, size: SIZE, runs: RUNS });
  return (threads * RUNS * 2 * SIZE ** 3) / seconds;
}

/** A second or so of each kind of product, by the slowest processor that has the kernels. */
const COUNTS: Readonly<Record<(typeof MEASURED)[number], number>> = {
  'int8 registers': 3e7,
  'bf16 registers': 3e7,
  'int8 memory': 20,
  'bf16 memory': 10,
};

/** A thread that multiplies as our own kernels do, and tells how long it took. */
const KERNELS = `
const { workerData: { file, set, kind, count }, parentPort } = require('node:worker_threads');
const kernels = require(file);
kernels.products(set, kind, Math.ceil(count / 30));
const start = performance.now();
kernels.products(set, kind, count);
parentPort.postMessage((performance.now() - start) / 1000);`;

/** Operations a second of a kind of product of our own kernels, all threads together; undefined without kernels. */
export async function measurePeak(
  threads: number,
  name: (typeof MEASURED)[number],
): Promise<{ set: KernelSet; operations: number } | undefined> {
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  const kind = MEASURED.indexOf(name);
  const count = COUNTS[name];
  const { products } = createRequire(import.meta.url)(library.file) as NativeLibrary;
  const each = products(library.set, kind, 1);
  const seconds = await slowestOf(threads, KERNELS, { ...library, kind, count });
  return { set: library.set, operations: (threads * count * each) / seconds };
}

/** What the processor can at most, each product alone: who runs it, and from where its operands come. */
export async function printCeilings(torch: Peer | undefined): Promise<void> {
  const threads = availableParallelism();
  const line = (name: string, operations: number): void =>
    console.log(`  ${name.padEnd(58)}${(operations / 1e12).toFixed(2).padStart(7)} TOPS`);
  console.log(`Products alone, ${threads} threads (from memory: 2048 x 2048 x 2048):`);
  for (const name of MEASURED) {
    const peak = await measurePeak(threads, name);
    if (peak === undefined) break;
    const type = name.startsWith('int8') ? 'int8' : 'bfloat16';
    const where = name.endsWith('registers') ? 'on registers' : 'from memory, own kernels';
    line(`${type} (${peak.set}) ${where}`, peak.operations);
  }
  if (nativeLibrary() === undefined) console.log('  no own kernels run here: none on registers');
  line("int8 from memory, ONNX Runtime's MatMulIntegerToFloat", await measureCeiling(threads));
  if (torch === undefined) return;
  for (const [type, operations] of Object.entries(await torch.ask({ ceiling: SIZE })))
    line(`${type} from memory, PyTorch`, Number(operations));
}

/** Seconds of the slowest of some threads that run the same at once. */
async function slowestOf(threads: number, body: string, workerData: object): Promise<number> {
  const seconds = Array.from(
    { length: threads },
    () =>
      new Promise<number>((resolve, reject) => {
        const worker = new Worker(body, { eval: true, workerData });
        worker.once('message', resolve);
        worker.once('error', reject);
      }),
  );
  return Math.max(...(await Promise.all(seconds)));
}
