import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { convertModel, openModel } from '../../../../../server/src/model/bundle/bundle.js';
import { openCheckpoint } from '../../../../../server/src/model/bundle/published/checkpoint.js';
import { applyHeads } from '../../../../../server/src/model/heads/heads-math.js';
import { goldenFolder } from '../../golden.js';
import { runBackbone } from '../../run-backbone.js';
import { editJson, hideTensor, Workspace } from '../../workspace.js';

const root = fileURLToPath(new URL('../../../../fixtures/adapters', import.meta.url));
const work = new Workspace();
const cacheFolder = work.fresh('cache');
const CACHE = process.env['HF_HUB_CACHE'];
afterEach(() => {
  if (CACHE === undefined) delete process.env['HF_HUB_CACHE'];
  else process.env['HF_HUB_CACHE'] = CACHE;
});

interface Case {
  input_ids: number[];
  reward_position: number;
  last_hidden: number[];
  labels: number[];
}

const casesOf = (name: string): Case[] =>
  (JSON.parse(readFileSync(join(root, name, 'expected.json'), 'utf8')) as { cases: Case[] }).cases;

async function expectReference(model: Awaited<ReturnType<typeof openModel>>, name: string) {
  for (const c of casesOf(name)) {
    const at = [c.reward_position];
    const hidden = await runBackbone(model.backbonePath, model.config, c.input_ids, at);
    const { raw } = applyHeads(model.heads, hidden, hidden);
    for (const [found, expected] of [
      [hidden, c.last_hidden],
      [raw, c.labels],
    ] as const) {
      for (const [i, e] of expected.entries())
        expect(Math.abs(found[i]! - e)).toBeLessThan(Math.max(1e-5, 1e-4 * Math.abs(e)));
    }
  }
}

/** An adapter's folder away from its base, which is then named by its whole path. */
function copyOf(name: string): string {
  const folder = work.fresh(name);
  cpSync(join(root, name), folder, { recursive: true });
  const base = goldenFolder('llama3-bt');
  editJson(join(folder, 'adapter_config.json'), (j) => (j['base_model_name_or_path'] = base));
  return folder;
}

describe('a LoRA adapter with its base at hand', () => {
  it.each(['lora', 'rslora-patterns', 'dora', 'embedding'])(
    '%s computes what the model that PEFT merged does',
    async (name) => {
      const model = await openModel(join(root, name), { precision: 'float32', cacheFolder });
      expect(model.name).toBe(name);
      await expectReference(model, name);
    },
  );

  it('is not the base: numbers of the one are never taken for those of the other', async () => {
    const hashes = new Set<string>();
    for (const path of [goldenFolder('llama3-bt'), join(root, 'lora'), copyOf('dora')]) {
      const { source, fingerprint } = await openCheckpoint(path);
      await source.close();
      hashes.add(fingerprint);
    }
    expect(hashes.size).toBe(3);
    const { source, fingerprint } = await openCheckpoint(copyOf('lora'));
    await source.close();
    const same = await openCheckpoint(copyOf('lora'));
    await same.source.close();
    expect(same.fingerprint).toBe(fingerprint);
  });

  it('becomes a bundle that needs neither of them', async () => {
    const bundle = work.fresh('bundle');
    const folder = copyOf('lora');
    await convertModel(folder, bundle, { precision: 'float32' });
    rmSync(folder, { recursive: true });
    await expectReference(await openModel(bundle, { cacheFolder }), 'lora');
  });

  it('finds a base in the Hugging Face cache by its name', async () => {
    const cache = work.fresh('hub');
    const repository = join(cache, 'models--org--base');
    const commit = 'a'.repeat(40);
    cpSync(goldenFolder('llama3-bt'), join(repository, 'snapshots', commit), { recursive: true });
    cpSync(join(root, 'make_adapters.py'), join(repository, 'refs', 'main'));
    writeFileSync(join(repository, 'refs', 'main'), commit);
    const folder = copyOf('lora');
    editJson(join(folder, 'adapter_config.json'), (j) => {
      j['base_model_name_or_path'] = 'org/base';
    });
    process.env['HF_HUB_CACHE'] = work.fresh('empty');
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /adapter_config\.json: its base model org\/base is not at hand: get it with qrm pull org\/base/,
    );
    process.env['HF_HUB_CACHE'] = cache;
    await expectReference(await openModel(folder, { precision: 'float32', cacheFolder }), 'lora');
  });
});

describe('adapters that cannot be merged', () => {
  it.each<[string, (folder: string) => void, RegExp]>([
    [
      'no base is named',
      (f) => editJson(join(f, 'adapter_config.json'), (j) => (j['base_model_name_or_path'] = null)),
      /adapter_config\.json: an adapter without a base: "base_model_name_or_path" is null/,
    ],
    [
      'the base is a path that is not there',
      (f) =>
        editJson(
          join(f, 'adapter_config.json'),
          (j) => (j['base_model_name_or_path'] = '/no/base'),
        ),
      /adapter_config\.json: its base model \/no\/base is not at hand: no config\.json in \/no\/base/,
    ],
    [
      'another kind of adapter',
      (f) => editJson(join(f, 'adapter_config.json'), (j) => (j['peft_type'] = 'IA3')),
      /adapter_config\.json: "peft_type" is "IA3"; supported: "LORA".*merge_and_unload/,
    ],
    [
      'weights as a pickle',
      (f) => {
        cpSync(join(f, 'adapter_model.safetensors'), join(f, 'adapter_model.bin'));
        rmSync(join(f, 'adapter_model.safetensors'));
      },
      /adapter_model\.bin: a pickle, which can run code/,
    ],
    [
      'no weights',
      (f) => rmSync(join(f, 'adapter_model.safetensors')),
      /adapter_model\.safetensors: the file is missing/,
    ],
    [
      'another base',
      (f) =>
        editJson(join(f, 'adapter_config.json'), (j) => {
          j['base_model_name_or_path'] = goldenFolder('qwen3-bias');
        }),
      /tensor "base_model\.\S+" has shape \[.*for the base model's/,
    ],
  ])('%s', async (_, damage, expected) => {
    const folder = copyOf('lora');
    damage(folder);
    await expect(openCheckpoint(folder)).rejects.toThrow(expected);
  });

  it('half a change', async () => {
    const folder = copyOf('lora');
    hideTensor(
      join(folder, 'adapter_model.safetensors'),
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    );
    await expect(openCheckpoint(folder)).rejects.toThrow(/lacks its other half, lora_/);
  });
});
