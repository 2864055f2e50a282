import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { convertModel, openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { goldenFolder } from '../../golden.js';
import { editJson, hideTensor, Workspace } from '../../workspace.js';

const work = new Workspace();
const cacheFolder = work.fresh('cache');
const open = (path: string) => openModel(path, { precision: 'float32', cacheFolder });

describe('a damaged Hugging Face folder', () => {
  const name = 'llama3-qrm-k5-m3';

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'config.json is cut',
      (f) => truncateSync(join(f, 'config.json'), 100),
      /config\.json: no readable JSON/,
    ],
    [
      'the config is a list',
      (f) => writeFileSync(join(f, 'config.json'), '[]'),
      /config\.json: expected a JSON object/,
    ],
    [
      'the architecture is unknown',
      (f) => editJson(join(f, 'config.json'), (c) => (c['model_type'] = 'mamba')),
      /config\.json: "model_type" is "mamba"; supported: .*llama.*gemma2/,
    ],
    [
      'the activation is unknown',
      (f) => editJson(join(f, 'config.json'), (c) => (c['hidden_act'] = 'relu6')),
      /config\.json: "hidden_act" is "relu6"; supported:/,
    ],
    [
      'the config is missing',
      (f) => rmSync(join(f, 'config.json')),
      /no model: expected bundle\.json .*config\.json .*\.gguf/,
    ],
    [
      'the safetensors are cut',
      (f) => truncateSync(join(f, 'model.safetensors'), 300_000),
      /model\.safetensors: .*tensor ".+" lies beyond the end of the file/,
    ],
    [
      'the safetensors are empty',
      (f) => truncateSync(join(f, 'model.safetensors'), 0),
      /model\.safetensors: no readable safetensors file: it has 0 bytes/,
    ],
    [
      'the safetensors are missing',
      (f) => rmSync(join(f, 'model.safetensors')),
      /no model\.safetensors/,
    ],
    [
      'a backbone tensor is missing',
      (f) => hideTensor(join(f, 'model.safetensors'), 'model.layers.1.mlp.up_proj.weight'),
      /no tensor "model\.layers\.1\.mlp\.up_proj\.weight"/,
    ],
    [
      'the config has another shape',
      (f) => editJson(join(f, 'config.json'), (c) => (c['intermediate_size'] = 128)),
      /model\.safetensors: tensor "model\.layers\.0\.mlp\.gate_proj\.weight" has shape \[160, 64\], expected \[128, 64\]/,
    ],
    [
      'a head tensor is missing',
      (f) => hideTensor(join(f, 'model.safetensors'), 'gating.layers.2.running_var'),
      /model\.safetensors: no tensor "gating\.layers\.2\.running_var"/,
    ],
    [
      'the heads are missing',
      (f) => hideTensor(join(f, 'model.safetensors'), 'regression_layer.weight'),
      /no reward head: neither "score\.weight" .* nor "regression_layer\.weight" .*is not read here.*Put heads\.json and heads\.safetensors/,
    ],
    ['the tokenizer is missing', (f) => rmSync(join(f, 'tokenizer.json')), /no tokenizer\.json/],
  ])('%s: the error names it', async (_, damage, message) => {
    const folder = work.copyOf(name);
    damage(folder);
    await expect(open(folder)).rejects.toThrow(message);
  });

  it('a shard that the index names is missing', async () => {
    const folder = work.copyOf('llama3-qrm-bf16-sharded');
    rmSync(join(folder, 'model-00003-of-00004.safetensors'));
    await expect(open(folder)).rejects.toThrow(
      /index\.json names model-00003-of-00004\.safetensors, which is missing/,
    );
  });

  it('leaves no conversion behind', () => {
    const models = join(cacheFolder, 'models');
    expect(existsSync(models) ? readdirSync(models) : []).toEqual([]);
  });

  it('an unknown name lists what is known', async () => {
    await expect(open('no-such-model')).rejects.toThrow(
      /no model "no-such-model": expected a bundle's folder, a Hugging Face folder, a \.gguf file/,
    );
  });

  it('a file that is no GGUF', async () => {
    const file = join(work.root, 'model.bin');
    writeFileSync(file, 'x');
    await expect(open(file)).rejects.toThrow(/model\.bin: expected a folder or a \.gguf file/);
    renameSync(file, `${file}.gguf`);
    await expect(open(`${file}.gguf`)).rejects.toThrow(/model\.bin\.gguf: no readable GGUF file/);
  });
});

describe('a damaged bundle', () => {
  let bundle = '';
  let original: Record<string, Buffer> = {};
  beforeAll(async () => {
    bundle = work.fresh('bundle');
    await convertModel(goldenFolder('llama3-qrm-k5-m3'), bundle, { precision: 'float32' });
    original = Object.fromEntries(
      readdirSync(bundle).map((name) => [name, readFileSync(join(bundle, name))]),
    );
  });

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'heads.safetensors has one bit flipped',
      (f) => {
        const bytes = Buffer.from(original['heads.safetensors']!);
        bytes[bytes.length - 1]! ^= 1;
        writeFileSync(join(f, 'heads.safetensors'), bytes);
      },
      /heads\.safetensors: its SHA-256 differs from bundle\.json's: the file is damaged/,
    ],
    [
      'backbone.data is cut',
      (f) => truncateSync(join(f, 'backbone.data'), 1000),
      /backbone\.data: 1000 bytes, bundle\.json says \d+: the file is damaged/,
    ],
    [
      'backbone.onnx is missing',
      (f) => rmSync(join(f, 'backbone.onnx')),
      /backbone\.onnx: the file is missing/,
    ],
    [
      'bundle.json is cut',
      (f) => truncateSync(join(f, 'bundle.json'), 50),
      /bundle\.json: no readable JSON/,
    ],
    [
      'the format is of the future',
      (f) => editJson(join(f, 'bundle.json'), (m) => (m['version'] = 99)),
      /bundle\.json: "version" is 99; expected 1/,
    ],
    [
      'the graph is of another version',
      (f) => editJson(join(f, 'bundle.json'), (m) => (m['graphVersion'] = 0)),
      /bundle\.json: "graphVersion" is 0, this version runs \d+; run qrm convert again/,
    ],
    [
      'a level is no probability',
      (f) => editJson(join(f, 'bundle.json'), (m) => (m['levels'] = [0.5, 1.5])),
      /bundle\.json: "levels" is \[0\.5,1\.5\]; expected a list of numbers in \(0, 1\)/,
    ],
    [
      'the config lacks a size',
      (f) =>
        editJson(join(f, 'bundle.json'), (m) => {
          delete (m['config'] as Record<string, unknown>)['headDim'];
        }),
      /bundle\.json: "config\.headDim" is nothing; expected a whole number/,
    ],
    [
      'a file name leaves the folder',
      (f) =>
        editJson(join(f, 'bundle.json'), (m) => {
          (m['files'] as Record<string, unknown>)['../x'] = { size: 1, sha256: '0'.repeat(64) };
        }),
      /bundle\.json: "files\.\.\.\/x" .*expected the name of a file beside it/,
    ],
  ])('%s: the error names it', async (_, damage, message) => {
    for (const [name, bytes] of Object.entries(original)) writeFileSync(join(bundle, name), bytes);
    damage(bundle);
    await expect(open(bundle)).rejects.toThrow(message);
  });

  it('holds one precision, and says so when asked for another', async () => {
    for (const [name, bytes] of Object.entries(original)) writeFileSync(join(bundle, name), bytes);
    await expect(openModel(bundle, { precision: 'int8', cacheFolder })).rejects.toThrow(
      /bundle\.json: the bundle holds float32 weights, not int8/,
    );
  });
});

describe('convertModel', () => {
  it('never overwrites a folder that holds something else', async () => {
    const target = work.fresh('notes');
    mkdirSync(target);
    writeFileSync(join(target, 'notes.txt'), 'mine');
    await expect(convertModel(goldenFolder('llama3-qrm-k5-m3'), target)).rejects.toThrow(
      /holds other files and no bundle\.json; choose a new folder/,
    );
    await expect(
      convertModel(goldenFolder('llama3-qrm-k5-m3'), join(target, 'notes.txt')),
    ).rejects.toThrow(/notes\.txt: is a file; expected a folder/);
    expect(readdirSync(target)).toEqual(['notes.txt']);
  });

  it('replaces an older bundle as a whole, and keeps it when the new one fails', async () => {
    const target = work.fresh('replaced');
    await convertModel(goldenFolder('llama3-qrm-k5-m3'), target, { precision: 'float32' });
    const damaged = work.copyOf('llama3-qrm-k5-m3');
    hideTensor(join(damaged, 'model.safetensors'), 'model.norm.weight');
    await expect(convertModel(damaged, target)).rejects.toThrow(/no tensor "model\.norm\.weight"/);
    expect((await open(target)).spec.attributes).toHaveLength(3);
    appendFileSync(join(target, 'left-over.txt'), 'x');
    await convertModel(goldenFolder('gemma2-qrm'), target, { precision: 'float32' });
    expect((await open(target)).spec.attributes).toHaveLength(19);
    expect(existsSync(join(target, 'left-over.txt'))).toBe(false);
    const drafts = readdirSync(dirname(target)).filter((name) => name.includes('.tmp-'));
    expect(drafts).toEqual([]);
  });

  it('copies weights: a bundle shares no file with its checkpoint', async () => {
    const target = work.fresh('own');
    const folder = work.copyOf('llama3-qrm-k5-m3');
    await convertModel(folder, target, { precision: 'float32' });
    expect(statSync(join(folder, 'model.safetensors')).nlink).toBe(1);
    rmSync(folder, { recursive: true });
    expect((await open(target)).name).toMatch(/^llama3-qrm-k5-m3/);
  });

  it('names a source that is not there', async () => {
    await expect(convertModel('/no/such/place', work.fresh())).rejects.toThrow(
      /\/no\/such\/place: no such folder or file/,
    );
  });
});
