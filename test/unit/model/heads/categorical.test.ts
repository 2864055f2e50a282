import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { convertModel, openModel } from '../../../../server/src/model/bundle/bundle.js';
import { openCheckpoint } from '../../../../server/src/model/bundle/published/checkpoint.js';
import { Safetensors } from '../../../../server/src/model/checkpoint/safetensors.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../../../server/src/model/checkpoint/safetensors-write.js';
import { buildHeads } from '../../../../server/src/model/heads/heads-graph.js';
import { applyHeads, binShares } from '../../../../server/src/model/heads/heads-math.js';
import { InferenceSession, Tensor } from '../../../../server/src/model/onnxruntime.js';
import { cvar, expectation, poolQuantiles } from '../../../../server/src/qrm/index.js';
import { editJson, hideTensor, Workspace } from '../workspace.js';

const root = fileURLToPath(new URL('../../../fixtures/categorical/', import.meta.url));
const work = new Workspace();
const cacheFolder = work.fresh('cache');
const NAMES = ['ldl-softmax', 'ldl-raw'];
const BINS = 10;

interface Case {
  input_ids: number[];
  last_hidden: number[];
  rewards: number[][];
  weights: number[];
  total_reward_distribution: number[];
  score: number;
}

const casesOf = (name: string): Case[] =>
  (JSON.parse(readFileSync(join(root, name, 'expected.json'), 'utf8')) as { cases: Case[] }).cases;
const headsOf = async (name: string) => {
  const { source, heads } = await openCheckpoint(join(root, name));
  await source.close();
  return heads!;
};
const near = (found: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void => {
  expect(found.length).toBe(expected.length);
  expected.forEach((e, i) => expect(Math.abs(found[i]! - e)).toBeLessThan(tolerance));
};
const meanOf = (bins: readonly number[]): number =>
  bins.reduce((sum, p, b) => sum + (p * b) / (BINS - 1), 0);

/** The mean of a distribution's quantile function over (from, to), from its bins, by the definition. */
function partMean(bins: readonly number[], from: number, to: number): number {
  let [below, sum] = [0, 0];
  for (const [b, p] of bins.entries()) {
    const shared = Math.min(to, below + p) - Math.max(from, below);
    if (shared > 0) sum += (shared * b) / (BINS - 1);
    below += p;
  }
  return sum / (to - from);
}

describe.each(NAMES)('categorical heads of %s', (name) => {
  it('have the published distributions and weights', async () => {
    const heads = await headsOf(name);
    expect(heads.spec.attributes).toEqual(['helpfulness', 'correctness', 'coherence', 'safety']);
    for (const c of casesOf(name)) {
      near(binShares(heads.categorical!, c.last_hidden, 1), c.rewards.flat());
      near(applyHeads(heads, c.last_hidden, c.last_hidden).gate, c.weights);
    }
  });

  it("give quantiles that are the bins': each the mean over its part of (0, 1)", async () => {
    const heads = await headsOf(name);
    const { levels } = heads.spec;
    const K = levels.length;
    for (const c of casesOf(name)) {
      const { raw } = applyHeads(heads, c.last_hidden, c.last_hidden);
      c.rewards.forEach((bins, m) => {
        const own = raw.slice(m * K, (m + 1) * K);
        near(
          own,
          levels.map((tau) => partMean(bins, tau - 0.5 / K, tau + 0.5 / K)),
        );
        expect(Math.abs(expectation(own) - meanOf(bins))).toBeLessThan(1e-6);
      });
    }
  });

  it('give the same by the ONNX graph, all cases in one batch', async () => {
    const heads = await headsOf(name);
    const cases = casesOf(name);
    const session = await InferenceSession.create(buildHeads(heads));
    const x = Float32Array.from(cases.flatMap((c) => c.last_hidden));
    const t = new Tensor('float32', x, [cases.length, heads.hiddenSize]);
    const out = await session.run({ reward: t, gating: t });
    near(out['quantiles']!.data as Float32Array, [...applyHeads(heads, x, x).raw]);
    near(
      out['gate']!.data as Float32Array,
      cases.flatMap((c) => c.weights),
    );
    await session.release();
  });

  it('survive the round trip through a bundle', async () => {
    const bundle = work.fresh('bundle');
    await convertModel(join(root, name), bundle, { precision: 'float32' });
    const direct = await openModel(join(root, name), { precision: 'float32', cacheFolder });
    const again = await openModel(bundle, { cacheFolder });
    expect(again.heads).toEqual(direct.heads);
    expect(again.spec).toEqual(direct.spec);
  });
});

describe('the mixture of distributions', () => {
  it("is the published total distribution: its quantiles' partial means are near that one's", async () => {
    const heads = await headsOf('ldl-softmax');
    const { levels } = heads.spec;
    const K = levels.length;
    for (const c of casesOf('ldl-softmax')) {
      const { raw, gate } = applyHeads(heads, c.last_hidden, c.last_hidden);
      const pooled = poolQuantiles(raw, gate);
      expect([...pooled]).toEqual([...pooled].sort((a, b) => a - b));
      // Exact but for what the K-th parts of single attributes hide: less than half a bin.
      levels.forEach((tau, k) => {
        const whole = partMean(c.total_reward_distribution, tau - 0.5 / K, tau + 0.5 / K);
        expect(Math.abs(pooled[k]! - whole)).toBeLessThan(0.05);
      });
      const worst = partMean(c.total_reward_distribution, 0, 0.2);
      expect(Math.abs(cvar(pooled, levels, 0.2) - worst)).toBeLessThan(0.02);
    }
  });

  it('of one attribute is that attribute; of disjoint ones, the one below the other', () => {
    expect([...poolQuantiles([1, 2, 3, 9, 9, 9], [1, 0])]).toEqual([1, 2, 3]);
    expect([...poolQuantiles([8, 8, 1, 1], [0.5, 0.5])]).toEqual([1, 8]);
    expect([...poolQuantiles([1, 1, 3, 3], [0.5, 1.5])]).toEqual([4, 6]);
  });

  it('with a weight below 0 is the comonotone one: there is no other', () => {
    expect([...poolQuantiles([1, 2, 3, 5], [1, -1])]).toEqual([-2, -3]);
  });
});

describe('heads in files of their own', () => {
  async function split(): Promise<string> {
    const folder = work.fresh('split');
    cpSync(join(root, 'ldl-softmax'), folder, { recursive: true });
    const source = await Safetensors.openFolder(folder);
    for (const side of ['regression_layer', 'gating_layer']) {
      const names = source.names().filter((n) => n.startsWith(`${side}.`));
      const tensors = [];
      for (const n of names) {
        const { shape } = source.info(n);
        tensors.push(
          float32Tensor(n.replace(`${side}.`, ''), [...shape], await source.readFloat32(n)),
        );
        hideTensor(join(folder, 'model.safetensors'), n);
      }
      await writeSafetensors(join(folder, `${side}.safetensors`), tensors, { format: 'pt' });
    }
    await source.close();
    return folder;
  }

  it('are read beside the weights', async () => {
    const { source, heads } = await openCheckpoint(await split());
    await source.close();
    expect(heads).toEqual(await headsOf('ldl-softmax'));
  });

  it('as pickles are named, with the command that writes them as safetensors', async () => {
    const folder = await split();
    cpSync(join(folder, 'gating_layer.safetensors'), join(folder, 'gating_layer.pt'));
    writeFileSync(join(folder, 'regression_layer.pt'), 'PK');
    rmSync(join(folder, 'gating_layer.safetensors'));
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /gating_layer\.pt: a pickle, which can run code.*weights_only=True.*gating_layer\.safetensors/,
    );
  });

  it.each<[string, (json: Record<string, unknown>) => void, RegExp]>([
    [
      'another number of objectives',
      (j) => (j['num_objectives'] = 220),
      /"num_objectives" is 220; expected 40/,
    ],
    [
      'a temperature of 0',
      (j) => (j['temperature'] = 0),
      /"temperature" is 0; expected a number above 0/,
    ],
    [
      'softmax as text',
      (j) => (j['softmax'] = 'yes'),
      /"softmax" is "yes"; expected true or false/,
    ],
  ])('%s is refused', async (_, change, expected) => {
    const folder = work.fresh('bad');
    cpSync(join(root, 'ldl-raw'), folder, { recursive: true });
    editJson(join(folder, 'config.json'), change);
    await expect(openCheckpoint(folder)).rejects.toThrow(expected);
  });
});
