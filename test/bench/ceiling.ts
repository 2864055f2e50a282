import { Worker } from 'node:worker_threads';
import { nativeLibrary } from '../../server/src/engine/native.js';
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

/** A thread that multiplies tiles in registers, and tells how long it took. */
const TILES = `
const { workerData, parentPort } = require('node:worker_threads');
const kernels = require(workerData.library);
kernels.products(1e6);
const start = performance.now();
kernels.products(workerData.products);
parentPort.postMessage((performance.now() - start) / 1000);`;

/** Operations a second of the processor's int8 tile products, all threads together; undefined without AMX. */
export async function measureTilePeak(threads: number): Promise<number | undefined> {
  const library = nativeLibrary();
  if (library === undefined) return undefined;
  const seconds = await slowestOf(threads, TILES, { library, products: PRODUCTS });
  return (threads * PRODUCTS * 4 * 2 * 16 * 16 * 64) / seconds;
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
