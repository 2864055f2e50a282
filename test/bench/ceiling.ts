import { Worker } from 'node:worker_threads';
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
  const seconds = await Promise.all(
    Array.from(
      { length: threads },
      () =>
        new Promise<number>((resolve, reject) => {
          const worker = new Worker(BODY, {
            eval: true,
            workerData: { model, size: SIZE, runs: RUNS },
          });
          worker.once('message', resolve);
          worker.once('error', reject);
        }),
    ),
  );
  return (threads * RUNS * 2 * SIZE ** 3) / Math.max(...seconds);
}
