import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../errors.js';
import type { ModelConfig } from '../../model/checkpoint/config.js';
import { writePaths } from '../../model/graph/paths/file.js';
import {
  makeVariant,
  variantFor,
  VARIANTS,
  type Variant,
} from '../../model/graph/paths/variants.js';
import type { Precision, Provider } from '../../protocol/index.js';
import { createSession } from '../backbone/backbone.js';
import { PathBackbone } from '../backbone/path/backbone.js';
import type { TokenTree } from '../trees/packing.js';
import { GEMMA, LLAMA, randomWeights, TIMED, TIMED_TREES, TREES } from './probe-model.js';

/** Raised when a probe asks for more: earlier results are then not taken. */
export const PROBE_VERSION = 1;

/** What a probe found. */
export interface ProbeResult {
  /** Why the provider cannot be used. */
  readonly error?: string;
  /** The largest 1 - cosine of hidden states between the provider and the CPU, by precision. */
  readonly off?: Readonly<Partial<Record<Precision, number>>>;
  /** Tokens a second of a model of 1,024 channels. */
  readonly rate?: number;
  /** The same of the CPU in float32, on all cores. */
  readonly cpuRate?: number;
}

/** How far from the CPU a precision may be, as 1 - cosine. */
const LIMITS: Readonly<Record<Precision, number>> = {
  float32: 1e-5,
  float16: 1e-3,
  bfloat16: 1e-2,
  int8: 1e-3,
  int4: 1e-3,
};

/**
 * Runs two tiny models of random weights in every form that a provider is used for, and compares their hidden
 * states with the CPU's: a driver may load and yet compute nonsense. Then times a larger one on both.
 */
export async function probe(provider: Provider): Promise<ProbeResult> {
  const folder = await mkdtemp(join(tmpdir(), 'qrm-probe-'));
  try {
    const off: Partial<Record<Precision, number>> = {};
    for (const precision of Object.keys(VARIANTS[provider]) as Precision[]) {
      const worst = Math.max(
        await compare(provider, precision, LLAMA, folder),
        await compare(provider, precision, GEMMA, folder),
      );
      off[precision] = worst;
      if (!(worst <= LIMITS[precision])) {
        const cosine = Number.isNaN(worst) ? 'not a number' : (1 - worst).toPrecision(4);
        return { error: `it computes wrong numbers in ${precision} (cosine ${cosine})`, off };
      }
    }
    const precision = provider === 'cuda' ? 'float16' : provider === 'cpu' ? 'int4' : 'int8';
    const rate = await speed(provider, variantFor(provider, precision, TIMED)!, folder);
    const cpuRate = await speed('cpu', plain(TIMED), folder);
    return { off, rate, cpuRate };
  } catch (error) {
    // ONNX Runtime names its source, the function and the condition first.
    const line = messageOf(error).split('\n')[0]!;
    return { error: line.replace(/^.*was false\. (?=\S)/, '') };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const plain = (config: ModelConfig, bits?: 4 | 8): Variant =>
  makeVariant('float32', { activations: 'float32', ...(bits ? { bits } : {}) }, config);

async function open(
  provider: Provider,
  config: ModelConfig,
  variant: Variant,
  folder: string,
): Promise<PathBackbone> {
  const own = await mkdtemp(join(folder, 'model-'));
  const names = { graph: 'probe.onnx', data: 'data' };
  await writePaths(randomWeights(config), config, variant, own, names);
  const options = { provider, threads: availableParallelism() };
  return PathBackbone.load(join(own, names.graph), config, (path) => createSession(path, options));
}

/** The largest 1 - cosine to the CPU's float32 with equally rounded weights. */
async function compare(
  provider: Provider,
  precision: Precision,
  config: ModelConfig,
  folder: string,
): Promise<number> {
  const variant = variantFor(provider, precision, config)!;
  const run = async (where: Provider, what: Variant): Promise<Float32Array> => {
    const backbone = await open(where, config, what, folder);
    try {
      return await backbone.run(TREES);
    } finally {
      await backbone.release();
    }
  };
  const expected = await run('cpu', plain(config, variant.bits));
  const found = await run(provider, variant);
  const H = config.hiddenSize;
  let worst = 0;
  for (let row = 0; row < expected.length; row += H) {
    let [dot, a, b] = [0, 0, 0];
    for (let i = row; i < row + H; i++) {
      dot += found[i]! * expected[i]!;
      a += found[i]! ** 2;
      b += expected[i]! ** 2;
    }
    worst = Math.max(worst, 1 - dot / Math.sqrt(a * b));
  }
  return worst;
}

/** Tokens a second, after a run that compiles shaders and finds kernels. */
async function speed(provider: Provider, variant: Variant, folder: string): Promise<number> {
  const backbone = await open(provider, TIMED, variant, folder);
  const count = (trees: readonly TokenTree[]): number =>
    trees.reduce((n, { trunk }) => n + trunk.length, 0);
  try {
    await backbone.run(TIMED_TREES);
    const start = performance.now();
    await backbone.run(TIMED_TREES);
    return (1000 * count(TIMED_TREES)) / (performance.now() - start);
  } finally {
    await backbone.release();
  }
}
