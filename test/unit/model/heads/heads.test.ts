import { InferenceSession, Tensor } from '../../../../server/src/model/onnxruntime.js';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { buildHeads } from '../../../../server/src/model/heads/heads-graph.js';
import { applyHeads } from '../../../../server/src/model/heads/heads-math.js';
import {
  quantileLevels,
  readHeads,
  type QrmHeads,
} from '../../../../server/src/model/heads/heads.js';
import { headReader } from '../../../../server/src/model/heads/score-heads.js';
import {
  Safetensors,
  type TensorSource,
} from '../../../../server/src/model/checkpoint/safetensors.js';
import { goldenFolder, goldenNames, readGolden } from '../golden.js';

type Json = Record<string, unknown>;

const opened: TensorSource[] = [];
afterEach(async () => {
  for (const source of opened.splice(0)) await source.close();
});

async function open(name: string): Promise<{ source: TensorSource; json: Json; file: string }> {
  const file = `${goldenFolder(name)}/config.json`;
  const json = JSON.parse(readFileSync(file, 'utf8')) as Json;
  const source = await Safetensors.openFolder(goldenFolder(name));
  opened.push(source);
  return { source, json, file };
}

async function heads(name: string, change: Json = {}): Promise<QrmHeads> {
  const { source, json, file } = await open(name);
  const read = headReader(source)!;
  return read(source, { ...json, ...change }, json['hidden_size'] as number, file);
}

/** The same source with tensors removed or given another shape. */
function altered(
  source: TensorSource,
  options: { without?: RegExp; shape?: Record<string, number[]> },
): TensorSource {
  const names = source.names().filter((n) => !options.without?.test(n));
  return {
    names: () => names,
    has: (name) => names.includes(name),
    info: (name) => {
      const info = source.info(names.includes(name) ? name : `${name} (removed)`);
      return { ...info, shape: options.shape?.[name] ?? info.shape };
    },
    readFloat32: (name) => source.readFloat32(name),
    close: () => source.close(),
  };
}

function expectClose(actual: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5) {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance);
}

describe.each(goldenNames)('heads of %s', (name) => {
  const golden = readGolden(name);

  it('have the published levels and names', async () => {
    const { spec } = await heads(name);
    expect(spec.attributes).toHaveLength(golden.num_objectives);
    const names = JSON.parse(readFileSync(`${goldenFolder(name)}/config.json`, 'utf8')) as {
      id2label: Record<string, string>;
    };
    // A label without a name of its own is the reward.
    expect(spec.attributes[0]).toBe(names.id2label['0']!.replace('LABEL_0', 'reward'));
    expectClose(spec.levels, golden.quantile_levels);
  });

  it('give the reference quantiles, gate, mixture and score in float64', async () => {
    const h = await heads(name);
    const K = golden.num_quantiles;
    for (const c of golden.cases) {
      const { raw, quantiles, gate } = applyHeads(h, c.last_hidden, c.gating_hidden);
      expectClose(raw, c.attribute_quantiles.flat());
      expectClose(quantiles, c.adjusted_attribute_quantiles.flat());
      expectClose(gate, c.gating_weights);
      const mixture = Array.from({ length: K }, (_, k) =>
        gate.reduce((sum, g, m) => sum + g * quantiles[m * K + k]!, 0),
      );
      expectClose(mixture, c.reward_quantiles);
      expect(mixture.reduce((a, b) => a + b, 0) / K).toBeCloseTo(c.score, 5);
    }
  });

  it('give the same by the ONNX graph, all cases in one batch', async () => {
    const h = await heads(name);
    const session = await InferenceSession.create(buildHeads(h));
    const n = golden.cases.length;
    const features = (of: (c: (typeof golden.cases)[0]) => number[]) =>
      new Tensor('float32', Float32Array.from(golden.cases.flatMap(of)), [n, h.hiddenSize]);
    const out = await session.run({
      reward: features((c) => c.last_hidden),
      gating: features((c) => c.gating_hidden),
    });
    expect(out['quantiles']!.dims).toEqual([n, golden.num_objectives * golden.num_quantiles]);
    expectClose(
      out['quantiles']!.data as Float32Array,
      golden.cases.flatMap((c) => c.adjusted_attribute_quantiles.flat()),
    );
    expectClose(
      out['gate']!.data as Float32Array,
      golden.cases.flatMap((c) => c.gating_weights),
    );
    await session.release();
  });
});

describe('heads', () => {
  it('levels are k/(K+1)', () => {
    expect(quantileLevels(1)).toEqual([0.5]);
    expect(quantileLevels(3)).toEqual([0.25, 0.5, 0.75]);
  });

  it('names every attribute that the config does not', async () => {
    const { spec } = await heads('llama3-qrm-k5-m3', { id2label: { 0: 'LABEL_0', 1: 'tone' } });
    expect(spec.attributes).toEqual(['attribute-0', 'tone', 'attribute-2']);
  });

  it('fixed weights replace a missing gate, in the graph too', async () => {
    const { source, json, file } = await open('llama3-qrm-k5-m3');
    const gateless = altered(source, { without: /^gating/ });
    await expect(readHeads(gateless, json, 64, file)).rejects.toThrow(
      /config\.json: "attribute_weights" is nothing; expected 3 numbers/,
    );
    const h = await readHeads(gateless, { ...json, attribute_weights: [0.5, 0.25, -1] }, 64, file);
    const x = Float32Array.from({ length: 2 * 64 }, (_, i) => Math.sin(i));
    const expected = [0.5, 0.25, -1, 0.5, 0.25, -1];
    expectClose(applyHeads(h, x, x).gate, expected, 1e-12);
    const session = await InferenceSession.create(buildHeads(h));
    const t = new Tensor('float32', x, [2, 64]);
    const { gate } = await session.run({ reward: t, gating: t });
    expectClose(gate!.data as Float32Array, expected, 1e-7);
    await session.release();
  });

  it.each([
    [{ num_objectives: undefined }, /config\.json: "num_objectives" is nothing/],
    [{ num_quantiles: 2.5 }, /config\.json: "num_quantiles" is 2\.5; expected a whole number/],
    [{ gating_temperature: 0 }, /config\.json: "gating_temperature" is 0; expected a number above/],
    [{ num_quantiles: 4 }, /"regression_layer\.weight" has shape \[15, 64\], expected \[12, 64\]/],
  ])('a wrong field is named: %j', async (change, message) => {
    await expect(heads('llama3-qrm-k5-m3', change as Json)).rejects.toThrow(message);
  });

  it.each([
    ['regression_layer.weight', /model\.safetensors: no tensor "regression_layer\.weight/],
    [
      'gating.layers.2.running_mean',
      /model\.safetensors: no tensor "gating\.layers\.2\.running_mean/,
    ],
  ])('a missing %s is named with its file', async (name, message) => {
    const { source, json, file } = await open('llama3-qrm-k5-m3');
    const damaged = altered(source, { without: new RegExp(`^${name}$`) });
    await expect(readHeads(damaged, json, 64, file)).rejects.toThrow(message);
  });

  it('a gate of the wrong width is an error', async () => {
    const { source, json, file } = await open('llama3-qrm-k5-m3');
    const damaged = altered(source, { shape: { 'gating.layers.3.weight': [16, 8] } });
    await expect(readHeads(damaged, json, 64, file)).rejects.toThrow(
      /model\.safetensors: tensor "gating\.layers\.3\.weight" has shape \[16, 8\], expected \[16, 16\]/,
    );
  });
});
