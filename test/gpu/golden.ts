import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSession } from '../../server/src/engine/backbone/backbone.js';
import { PathBackbone } from '../../server/src/engine/backbone/path/backbone.js';
import { planTrees } from '../../server/src/engine/trees/trees.js';
import { openCheckpoint } from '../../server/src/model/bundle/published/checkpoint.js';
import type { ModelConfig } from '../../server/src/model/checkpoint/config.js';
import type { TensorSource } from '../../server/src/model/checkpoint/safetensors.js';
import { writePaths } from '../../server/src/model/graph/paths/file.js';
import type { Variant } from '../../server/src/model/graph/paths/variants.js';
import type { Provider } from '../../server/src/protocol/index.js';
import { goldenFolder, readGolden } from '../unit/model/golden.js';

/** Hidden states by wanted position: what was computed, and the published float32 model's. */
export interface GoldenRun {
  readonly found: readonly Float32Array[];
  readonly expected: readonly (readonly number[])[];
}

/**
 * Runs all cases of a golden checkpoint in one batch with shared beginnings, as a graph of paths.
 * @param weights what stands in for the checkpoint's
 */
export async function runGolden(
  name: string,
  variant: (config: ModelConfig) => Variant,
  {
    provider = 'cpu',
    weights = (source) => source,
  }: {
    readonly provider?: Provider;
    readonly weights?: (source: TensorSource, config: ModelConfig) => TensorSource;
  } = {},
): Promise<GoldenRun> {
  const { config, source } = await openCheckpoint(goldenFolder(name));
  const folder = mkdtempSync(join(tmpdir(), 'qrm-golden-'));
  try {
    const names = { graph: 'backbone.onnx', data: 'backbone.data' };
    await writePaths(weights(source, config), config, variant(config), folder, names);
    await source.close();
    const backbone = await PathBackbone.load(join(folder, names.graph), config, (path) =>
      createSession(path, { provider, threads: 1 }),
    );
    const { cases } = readGolden(name);
    const paths = cases.map((c) => ({
      ids: c.input_ids,
      wanted: [c.reward_position, c.gating_position],
    }));
    const planned = planTrees(paths);
    const hidden = await backbone.run(planned.map(({ tree }) => tree));
    await backbone.release();
    const H = config.hiddenSize;
    const sources = planned.flatMap((p) => p.sources);
    if (hidden.length !== sources.length * H)
      throw new Error(`${name}: ${hidden.length} values for ${sources.length} positions`);
    return {
      found: sources.map((_, i) => hidden.subarray(i * H, (i + 1) * H)),
      expected: sources.map(({ path, position }) => {
        const c = cases[path]!;
        return position === 0 ? c.last_hidden : c.gating_hidden;
      }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How far hidden states are from what they should be. */
export interface Distance {
  /** The largest difference, in units of what is allowed: 1e-4 relative, or 1e-5. */
  readonly times: number;
  /** The lowest of all positions. */
  readonly cosine: number;
}

export function distance(
  found: readonly Float32Array[],
  expected: readonly ArrayLike<number>[],
): Distance {
  let [times, cosine] = [0, 1];
  for (const [row, e] of expected.entries()) {
    const f = found[row]!;
    let [dot, ff, ee] = [0, 0, 0];
    for (let i = 0; i < e.length; i++) {
      const off = Math.abs(f[i]! - e[i]!) / Math.max(1e-5, 1e-4 * Math.abs(e[i]!));
      // NaN is the worst of all.
      times = off <= times ? times : Number.isNaN(off) ? Infinity : off;
      dot += f[i]! * e[i]!;
      ff += f[i]! ** 2;
      ee += e[i]! ** 2;
    }
    const c = dot / Math.sqrt(ff * ee);
    cosine = c >= cosine ? cosine : Number.isNaN(c) ? -1 : c;
  }
  return { times, cosine };
}
