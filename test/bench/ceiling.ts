import { Worker } from 'node:worker_threads';
import { createRequire } from 'node:module';
import type { KernelSet } from '../../server/src/engine/identity.js';
import { nativeLibrary, type NativeLibrary } from '../../server/src/engine/native.js';
import { GraphBuilder } from '../../server/src/model/graph/builder.js';

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

const PRODUCTS = 3e7;

/** A thread that multiplies in registers alone, and tells how many operations it did a second. */
const REGISTERS = `
const { workerData, parentPort } = require('node:worker_threads');
const kernels = require(workerData.file);
kernels.products(workerData.set, 1e6);
const start = performance.now();
kernels.products(workerData.set, workerData.products);
parentPort.postMessage((performance.now() - start) / 1000);`;

/** Operations a second of the processor's int8 products in registers, all threads together; undefined without kernels. */
export async function measurePeak(
  threads: number,
): Promise<{ set: KernelSet; operations: number } | undefined> {
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  const { products } = createRequire(import.meta.url)(library.file) as NativeLibrary;
  const each = products(library.set, 1);
  const seconds = await slowestOf(threads, REGISTERS, { ...library, products: PRODUCTS });
  return { set: library.set, operations: (threads * PRODUCTS * each) / seconds };
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
