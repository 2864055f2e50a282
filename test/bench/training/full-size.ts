import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { FeatureStore } from '../../../server/src/training/features/feature-store.js';
import { Products } from '../../../server/src/training/matrix/products.js';
import { featureBlocks, trainAttribute } from '../../../server/src/training/pipeline/heads.js';
import type { LabelledSample } from '../../../server/src/training/pipeline/sample.js';
import { Stages } from '../../../server/src/training/pipeline/stages.js';
import { makeBasis } from '../../../server/src/training/regression/basis.js';
import { inWords, L1, LEVELS, normal, stopwatch } from './training.js';

const WIDTH = 4096;
/** Directions in which texts differ most, each smaller than the one before. */
const FACTORS = 32;
const BLOCK = 1000;
const FOLDS = 5;

/**
 * One attribute of the paper's size through the stages of `qrm train`: 60,000 responses of 4,096 features on disk as
 * float16, their basis, and the heads of five folds and of all, 19 levels each. `QRM_BENCH_ROWS` and
 * `QRM_BENCH_THREADS` for less.
 */
export async function benchFullSize(): Promise<void> {
  const rows = Number(process.env['QRM_BENCH_ROWS'] ?? 60_000);
  const threads = Number(process.env['QRM_BENCH_THREADS'] ?? availableParallelism());
  const folder = mkdtempSync(join(tmpdir(), 'qrm-full-'));
  const products = new Products(threads);
  const store = await FeatureStore.open(folder, {
    ...{ backbone: 'random', layers: 1, precision: 'random', by: 'nobody' },
    ...{ hiddenSize: WIDTH, type: 'float16' },
  });
  try {
    const samples = await writeFeatures(store, rows);
    const told = (what: string, time: string): void =>
      console.log(
        `  ${what}: ${time}; peak ${(process.resourceUsage().maxRSS / 1e6).toFixed(2)} GB`,
      );
    console.log(`n = ${rows}, d = ${WIDTH}, ${LEVELS.length} levels, ${threads} threads`);
    const whole = stopwatch();
    let took = stopwatch();
    const encoded = samples.map((s) => s.encoded);
    const basis = await makeBasis(featureBlocks(store, encoded, 'reward'), 0, 1, products);
    told('basis', inWords(took()));
    took = stopwatch();
    let fits = 0;
    // Where it takes too long: how far it came says how long the rest would take.
    const limit = Number(process.env['QRM_BENCH_SECONDS'] ?? 1e6);
    const signal = AbortSignal.timeout(1000 * limit);
    const { crossValidated: cv } = await trainAttribute('full', samples, {
      ...{ store, products, basis, folds: FOLDS, l1: L1 },
      stages: new Stages(join(folder, 'stages')),
      options: { levels: LEVELS, l1: L1 },
      signal,
      onGap: (iteration, gap) =>
        console.log(`    ${iteration} iterations: gap ${gap.toExponential(1)}, ${inWords(took())}`),
      progress: () => {
        told(++fits <= FOLDS ? `fold ${fits}` : 'all', inWords(took()));
        took = stopwatch();
      },
    });
    const { seconds, processor } = whole();
    const of = (s: number): string => `${((19 * s) / 3600).toFixed(1)} h`;
    told('in all', inWords({ seconds, processor }));
    console.log(
      `  pinball loss ${(cv.pinball / cv.baseline).toFixed(3)} of the constant quantiles'; 19 such attributes: ` +
        `${of(seconds)} (${of(processor)} of processor time)`,
    );
  } finally {
    await store.close();
    await products.release();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Noise, the leading directions and a column that hardly moves, as a final norm leaves one; labels in eighths. */
async function writeFeatures(store: FeatureStore, rows: number): Promise<LabelledSample[]> {
  const random = seeded(WIDTH + rows);
  const directions = Float32Array.from({ length: FACTORS * WIDTH }, () => normal(random));
  const samples: LabelledSample[] = [];
  const wide = new Float32Array(BLOCK * 2 * WIDTH);
  for (let from = 0; from < rows; from += BLOCK) {
    const count = Math.min(BLOCK, rows - from);
    for (let i = 0; i < count; i++) {
      const row = wide.subarray(2 * i * WIDTH, (2 * i + 1) * WIDTH);
      for (let j = 0; j < WIDTH; j++) row[j] = normal(random);
      const factors = Array.from({ length: FACTORS }, () => normal(random));
      for (const [f, size] of factors.entries()) {
        const factor = (2 * size) / Math.sqrt(1 + f);
        const at = f * WIDTH;
        for (let j = 0; j < WIDTH; j++) row[j]! += factor * directions[at + j]!;
      }
      row[0] = 8 + 0.01 * normal(random);
      const spread = 0.12 * Math.exp(0.3 * factors[2]!);
      const mean = 0.5 + 0.12 * factors[0]! + 0.08 * factors[5]! + (0.05 * row[7]!) / 5;
      const y = Math.min(1, Math.max(0, mean + spread * normal(random)));
      const key = (from + i).toString(16).padStart(32, '0');
      samples.push({
        encoded: { key, ids: [], reward: 0, gate: 0 },
        ...{ group: key, source: 'random', heldOut: false, fold: (from + i) % FOLDS },
        labels: [Math.round(8 * y) / 8],
      });
    }
    const keys = samples.slice(from).map((s) => s.encoded.key);
    await store.add(keys, wide.subarray(0, 2 * count * WIDTH));
  }
  return samples;
}
