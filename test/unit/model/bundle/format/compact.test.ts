import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeBackbone } from '../../../../../server/src/model/bundle/backbone/files.js';
import { openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { readManifest } from '../../../../../server/src/model/bundle/format/manifest.js';
import {
  openCompact,
  type GgufModel,
} from '../../../../../server/src/model/bundle/format/compact.js';
import {
  compactWeights,
  writeBundle,
} from '../../../../../server/src/model/bundle/format/write-bundle.js';
import {
  parseConfig,
  type ModelConfig,
} from '../../../../../server/src/model/checkpoint/config.js';
import {
  CALIBRATION,
  openCalibration,
} from '../../../../../server/src/model/int8/layer-calibration.js';
import { readHeads, type QrmHeads } from '../../../../../server/src/model/heads/heads.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../../../../server/src/model/checkpoint/safetensors-write.js';
import { Safetensors } from '../../../../../server/src/model/checkpoint/safetensors.js';
import { ChatTokenizer } from '../../../../../server/src/model/tokenizer/chat-tokenizer.js';
import { goldenFolder, readGolden } from '../../golden.js';
import { runBackbone } from '../../run-backbone.js';
import { editJson, Workspace } from '../../workspace.js';

const name = 'llama3-qrm-k5-m3';
const work = new Workspace();
const cacheFolder = work.fresh('cache');

let tokenizer: ChatTokenizer;
let heads: QrmHeads;
let config: ModelConfig;
/** The golden backbone's matrices in Q8_0 with the scale 1/64, and their exact values. */
let gguf: GgufModel;
const values = new Map<string, { shape: readonly number[]; data: Float32Array }>();

/** ggml's Q8_0: blocks of 32, a float16 scale and 32 int8 codes. */
function q8(codes: Int8Array): Uint8Array {
  const out = new Uint8Array((codes.length / 32) * 34);
  const view = new DataView(out.buffer);
  for (let b = 0; b < codes.length / 32; b++) {
    view.setUint16(b * 34, 0x2400, true); // 2^-6 in float16
    out.set(new Uint8Array(codes.buffer, b * 32, 32), b * 34 + 2);
  }
  return out;
}

beforeAll(async () => {
  tokenizer = await ChatTokenizer.fromFolder(goldenFolder(name));
  const json = JSON.parse(readFileSync(join(goldenFolder(name), 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  config = parseConfig(json, 'config.json');
  const golden = await Safetensors.openFolder(goldenFolder(name));
  heads = await readHeads(golden, json, config.hiddenSize, 'config.json');
  const raw = new Map<string, Uint8Array>();
  for (const tensor of golden.names().filter((n) => n.startsWith('model.'))) {
    const { shape } = golden.info(tensor);
    const data = await golden.readFloat32(tensor);
    if (shape.length === 2) {
      const codes = Int8Array.from(data, (x) => Math.max(-127, Math.min(127, Math.round(x * 64))));
      raw.set(tensor, q8(codes));
      values.set(tensor, { shape, data: Float32Array.from(codes, (q) => q / 64) });
    } else {
      values.set(tensor, { shape, data });
    }
  }
  await golden.close();
  const bytesOf = (n: string) => raw.get(n) ?? new Uint8Array(values.get(n)!.data.buffer);
  gguf = {
    config,
    source: {
      names: () => [...values.keys()],
      has: (n) => values.has(n),
      info: (n) => ({
        dtype: raw.has(n) ? 'Q8_0' : 'F32',
        shape: values.get(n)!.shape,
        file: 'memory',
        offset: 0,
        byteLength: bytesOf(n).byteLength,
      }),
      readRaw: (n) => Promise.resolve(bytesOf(n)),
      readFloat32: (n) => Promise.resolve(values.get(n)!.data),
      close: () => Promise.resolve(),
    },
  };
});

const bundleOf = (layers: number) => ({
  ...{ heads, tokenizer, name: 'small', licence: 'Apache-2.0' },
  config: { ...config, layers },
  writeWeights: (folder: string) => compactWeights(gguf, tokenizer, folder, layers),
});

async function write(layers = config.layers): Promise<string> {
  const folder = work.fresh('compact');
  await writeBundle({ ...bundleOf(layers), texts: { 'README.md': '# Card' } }, folder);
  return folder;
}

/** What opening a bundle hands to the conversion. */
async function openParts(folder: string) {
  const manifest = await readManifest(folder);
  return {
    path: folder,
    config: manifest.config,
    tokenizer,
    source: await openCompact(folder, manifest),
    calibration: await openCalibration(folder, manifest.config),
  };
}

describe('a compact bundle', () => {
  it('keeps every value and the size of the blocks', async () => {
    const folder = await write();
    const source = await openCompact(folder, await readManifest(folder));
    expect(source.names().sort()).toEqual([...values.keys()].sort());
    for (const [tensor, { shape, data }] of values) {
      expect(source.info(tensor).shape).toEqual(shape);
      expect(source.info(tensor).dtype).toBe(shape.length === 2 ? 'Q8_0' : 'F32');
      expect(await source.readFloat32(tensor)).toEqual(data);
    }
    await source.close();
    const count = [...values.values()].reduce((n, { data }) => n + data.length, 0);
    const size = statSync(join(folder, 'weights-00001-of-00001.safetensors')).size;
    expect(size).toBeLessThan(count * 1.1 + 10_000);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toBe('# Card');
  });

  it('computes what a checkpoint with the same values computes, with fewer layers too', async () => {
    for (const layers of [config.layers, 2]) {
      const compact = await openModel(await write(layers), { precision: 'float32', cacheFolder });
      expect(compact.licence).toBe('Apache-2.0');
      expect(compact.config.layers).toBe(layers);
      expect(compact.spec).toEqual(heads.spec);
      expect(compact.heads).toEqual(heads);

      const folder = work.copyOf(name);
      editJson(join(folder, 'config.json'), (c) => (c['num_hidden_layers'] = layers));
      const golden = await Safetensors.openFolder(folder);
      const tensors = golden
        .names()
        .filter((n) => n.startsWith('regression') || n.startsWith('gating'));
      const kept = [];
      for (const n of tensors.filter((n) => golden.info(n).dtype === 'F32')) {
        kept.push(float32Tensor(n, golden.info(n).shape, await golden.readFloat32(n)));
      }
      await golden.close();
      const backbone = [...values].map(([n, { shape, data }]) => float32Tensor(n, shape, data));
      await writeSafetensors(join(folder, 'model.safetensors'), [...kept, ...backbone]);
      const plain = await openModel(folder, { precision: 'float32', cacheFolder });

      const { input_ids: ids } = readGolden(name).cases[0]!;
      const hidden = await runBackbone(compact.backbonePath, compact.config, ids, [5, 20]);
      expect(hidden).toEqual(await runBackbone(plain.backbonePath, plain.config, ids, [5, 20]));
      expect(hidden.some((x) => x !== 0)).toBe(true);
    }
  });

  it('runs in int8 and float32, each with its own hash and conversion', async () => {
    const folder = await write();
    const int8 = await openModel(folder, { cacheFolder });
    const float = await openModel(folder, { precision: 'float32', cacheFolder });
    expect([int8.precision, float.precision]).toEqual(['int8', 'float32']);
    expect(int8.modelHash).not.toBe(float.modelHash);
    const { input_ids: ids } = readGolden(name).cases[0]!;
    const a = await runBackbone(int8.backbonePath, int8.config, ids, [ids.length - 1]);
    const b = await runBackbone(float.backbonePath, float.config, ids, [ids.length - 1]);
    const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, v, i) => sum + v * y[i]!, 0);
    expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toBeGreaterThan(0.99);
  });

  it('keeps what int8 needs to know of its activations: it is expanded to the same bytes without', async () => {
    const folder = await write();
    const manifest = await readManifest(folder);
    expect(Object.keys(manifest.files)).toContain(CALIBRATION);
    const { calibration, ...parts } = await openParts(folder);
    await calibration.close();
    const observed = work.fresh('observed');
    mkdirSync(observed);
    await writeBackbone(parts, 'int8', observed);
    await parts.source.close();
    const { backbonePath } = await openModel(folder, { precision: 'int8', cacheFolder });
    for (const name of ['backbone.data', 'backbone.onnx', 'prefix.json']) {
      const made = readFileSync(join(backbonePath, '..', name));
      expect(made.equals(readFileSync(join(observed, name)))).toBe(true);
    }
  });

  it('goes on where it was broken off, without running a layer', async () => {
    const folder = await write();
    const journal = { key: 'this model', interval: 0 };
    const fill = async (draft: string, stop?: AbortController): Promise<void> => {
      const parts = await openParts(folder);
      const onProgress = (fraction: number) => fraction > 0.5 && stop?.abort();
      const options = { journal, onProgress, signal: stop?.signal };
      try {
        await writeBackbone(parts, 'int8', draft, options);
      } finally {
        await parts.source.close();
        await parts.calibration.close();
      }
    };
    const [whole, draft] = [work.fresh('whole'), work.fresh('draft')];
    for (const path of [whole, draft]) mkdirSync(path);
    await fill(whole);
    await expect(fill(draft, new AbortController())).rejects.toThrow(/abort/i);
    expect(readdirSync(draft)).toContain('conversion.json');
    await fill(draft);
    expect(readdirSync(draft).sort()).toEqual(readdirSync(whole).sort());
    const data = 'backbone.data';
    expect(readFileSync(join(draft, data)).equals(readFileSync(join(whole, data)))).toBe(true);
  });

  it('names the file and the tensor of a calibration of another model', async () => {
    const folder = await write();
    const config = { ...(await readManifest(folder)).config, intermediateSize: 7 };
    const calibration = await openCalibration(folder, config);
    await expect(calibration.layer(0)).rejects.toThrow(
      /calibration\.safetensors: tensor "model\.layers\.0\.inner_\w+" has 160 values, expected 7/,
    );
    await expect(calibration.layer(9)).rejects.toThrow(/no tensor "model\.layers\.9\./);
    await calibration.close();
  });

  it('with a damaged block is refused when it is expanded', async () => {
    const folder = await write();
    const weights = join(folder, 'weights-00001-of-00001.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1000]! ^= 1;
    writeFileSync(weights, bytes);
    const cache = work.fresh('cache');
    await expect(openModel(folder, { cacheFolder: cache })).rejects.toThrow(
      /weights-00001-of-00001\.safetensors: its SHA-256 differs from bundle\.json's/,
    );
    await expect(async () => readdirSync(join(cache, 'models'))).rejects.toThrow(/ENOENT/);
  });

  it('refuses heads and layers that do not fit', async () => {
    await expect(writeBundle(bundleOf(9), work.fresh())).rejects.toThrow(
      /9 layers: the backbone has 3/,
    );
    await expect(
      writeBundle({ ...bundleOf(3), heads: { ...heads, hiddenSize: 32 } }, work.fresh()),
    ).rejects.toThrow(/heads for 32, a backbone of 64/);
  });
});
