import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { seeded } from '../../../server/src/evaluation/statistics/index.js';
import { matrix, type Matrix } from '../../../server/src/training/matrix/matrix.js';
import { Products } from '../../../server/src/training/matrix/products.js';
import {
  fitQuantiles,
  quantileObjective,
} from '../../../server/src/training/regression/quantile-regression.js';
import { uniformLevels } from '../../../server/src/qrm/index.js';

const SCRIPT = fileURLToPath(
  new URL('../test/bench/training/sklearn_reference.py', import.meta.url),
);
const PYTHON = process.env['QRM_BENCH_PYTHON'] ?? 'python3';
export const LEVELS = uniformLevels(19);
export const L1 = 0.003;
const WIDTH = 576;
/** A level by scikit-learn takes minutes at n = 10,000: the ends and the middle stand for all. */
const JUDGED = [0.05, 0.5, 0.95];
const GIVEN_UP = 20 * 60;

/** Of the clock, and of all threads: where the machine is shared, the second counts. */
interface Time {
  readonly seconds: number;
  readonly processor: number;
}

export function stopwatch(): () => Time {
  const [start, used] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(used);
    return { seconds: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
  };
}

export const inWords = ({ seconds, processor }: Time): string =>
  `${seconds.toFixed(1)} s (${processor.toFixed(1)} s of processor time)`;

/** Standard normal numbers, by Box and Muller. */
export function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Features with an intercept in column 0; labels in eighths that twelve columns carry, with noise that two widen. */
function problem(rows: number, columns: number): { x: Float32Array; labels: number[][] } {
  const random = seeded(columns + rows);
  const p = columns + 1;
  const x = new Float32Array(rows * p);
  const labels: number[][] = [];
  for (let i = 0; i < rows; i++) {
    x[i * p] = 1;
    for (let j = 1; j < p; j++) x[i * p + j] = normal(random);
    let mean = 0.5;
    for (let j = 1; j <= 12; j++) mean += (0.06 * x[i * p + j]!) / Math.sqrt(j);
    const spread = 0.12 * Math.exp(0.3 * x[i * p + 13]!);
    const y = Math.min(1, Math.max(0, mean + spread * normal(random)));
    labels.push([Math.round(8 * y) / 8]);
  }
  return { x, labels };
}

/** Quantile regression beside scikit-learn's, on the same numbers. */
export async function benchTraining(): Promise<void> {
  const products = new Products(availableParallelism());
  for (const rows of [2000, 10_000]) {
    const { x, labels } = problem(rows, WIDTH);
    const design = matrix(rows, WIDTH + 1, Float64Array.from(x));
    const options = { levels: LEVELS, l1: L1, unpenalised: [0] };
    const took = stopwatch();
    const fit = await fitQuantiles(design, labels, options, products);
    const time = took();
    const objective = quantileObjective(design, labels, fit.weights, options);
    console.log(
      `n = ${rows}, d = ${WIDTH}: qrm, ${LEVELS.length} levels at once: ${inWords(time)} ` +
        `(${fit.iterations} iterations), objective ${objective.toFixed(6)}`,
    );
    await beside(design, labels, fit.weights, time);
  }
  await products.release();
}

async function beside(
  design: Matrix,
  labels: number[][],
  weights: Matrix,
  own: Time,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'qrm-bench-'));
  const p = design.columns;
  const bare = new Float64Array(design.rows * (p - 1));
  for (let i = 0; i < design.rows; i++) {
    bare.set(design.data.subarray(i * p + 1, (i + 1) * p), i * (p - 1));
  }
  writeFileSync(join(folder, 'x.bin'), bare);
  writeFileSync(join(folder, 'y.bin'), Float64Array.from(labels.flat()));
  const args = [SCRIPT, folder, design.rows, p - 1, L1, ...JUDGED].map(String);
  const child = spawn(PYTHON, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let why = `there is no ${PYTHON}`;
  child.on('error', () => undefined);
  child.stderr.on('data', (text) => {
    if (/No module named/.test(String(text))) why = `${PYTHON} has no scikit-learn`;
  });
  const timer = setTimeout(() => {
    why = `it took over ${GIVEN_UP} s`;
    child.kill();
  }, GIVEN_UP * 1000);
  const sum = { seconds: 0, processor: 0 };
  let count = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const found = JSON.parse(line) as Time & { level: number; objective: number };
    const k = LEVELS.findIndex((t) => Math.abs(t - found.level) < 1e-9);
    const ours = matrix(p, 1);
    for (let j = 0; j < p; j++) ours.data[j] = weights.data[j * LEVELS.length + k]!;
    const one = { levels: [found.level], l1: L1, unpenalised: [0] };
    const objective = quantileObjective(design, labels, ours, one);
    sum.seconds += found.seconds;
    sum.processor += found.processor;
    count++;
    console.log(
      `  scikit-learn, level ${found.level}: ${inWords(found)}; objective ` +
        `${found.objective.toFixed(6)}, qrm's ${((objective / found.objective - 1) * 1e4).toFixed(2)}e-4 above`,
    );
  }
  clearTimeout(timer);
  rmSync(folder, { recursive: true, force: true });
  if (count === 0) {
    console.log(`  scikit-learn is left out: ${why}; QRM_BENCH_PYTHON names a Python that has it`);
    return;
  }
  if (count < JUDGED.length) {
    console.log(
      `  scikit-learn was given up after ${GIVEN_UP} s in all: ${count} of its levels count`,
    );
  }
  const levels = LEVELS.length / count;
  const all = { seconds: levels * sum.seconds, processor: levels * sum.processor };
  console.log(
    `  ${LEVELS.length} levels would take it ${inWords(all)}: ${(all.seconds / own.seconds).toFixed(1)}x by the ` +
      `clock, ${(all.processor / own.processor).toFixed(1)}x in processor time`,
  );
}
