import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { convertModel, openModel } from '../../../../../server/src/model/bundle/bundle.js';
import {
  openCheckpoint,
  type Checkpoint,
} from '../../../../../server/src/model/bundle/published/checkpoint.js';
import { readHeadFiles, writeHeads } from '../../../../../server/src/model/heads/heads-files.js';
import { applyHeads } from '../../../../../server/src/model/heads/heads-math.js';
import { goldenFolder, goldenNames, readGolden } from '../../golden.js';
import { editJson, hideTensor, Workspace } from '../../workspace.js';

const work = new Workspace();
const cacheFolder = work.fresh('cache');

async function read(path: string, options?: { heads?: string }): Promise<Checkpoint> {
  const checkpoint = await openCheckpoint(path, options);
  await checkpoint.source.close();
  return checkpoint;
}

function headless(): string {
  const folder = work.copyOf('llama3-qrm-k5-m3');
  hideTensor(join(folder, 'model.safetensors'), 'regression_layer.weight');
  return folder;
}

function emptyFolder(): string {
  const folder = work.fresh('heads');
  mkdirSync(folder);
  return folder;
}

describe('heads in files of their own', () => {
  it.each(goldenNames)('written and read again, those of %s are the same', async (name) => {
    const { heads } = await read(goldenFolder(name));
    const folder = emptyFolder();
    await writeHeads(heads!, folder);
    expect((await readHeadFiles(folder, 64)).heads).toEqual(heads);
  });

  it('complete a backbone that they lie beside', async () => {
    const folder = headless();
    expect((await read(folder)).heads).toBeUndefined();
    const { heads } = await read(goldenFolder('llama3-qrm-k5-m3'));
    await writeHeads(heads!, folder);
    const model = await openModel(folder, { precision: 'float32', cacheFolder });
    const c = readGolden('llama3-qrm-k5-m3').cases[0]!;
    const { gate } = applyHeads(model.heads, c.last_hidden, c.gating_hidden);
    c.gating_weights.forEach((g, i) => expect(gate[i]).toBeCloseTo(g, 5));
  });

  it('or that convertModel is told of', async () => {
    const { heads } = await read(goldenFolder('llama3-qrm-k5-m3'));
    const folder = emptyFolder();
    await writeHeads(heads!, folder);
    const bundle = work.fresh('bundle');
    await convertModel(headless(), bundle, { precision: 'float32', heads: folder });
    expect((await openModel(bundle, { cacheFolder })).heads).toEqual(heads);
  });

  it('must fit the backbone', async () => {
    const { heads } = await read(goldenFolder('llama3-qrm-k5-m3'));
    const folder = emptyFolder();
    await writeHeads(heads!, folder);
    editJson(join(folder, 'heads.json'), (json) => (json['hidden_size'] = 4096));
    await expect(read(headless(), { heads: folder })).rejects.toThrow(
      /heads\.json: "hidden_size" is 4096, the backbone's is 64/,
    );
    await expect(read(headless(), { heads: emptyFolder() })).rejects.toThrow(
      /heads\.json: the file is missing/,
    );
  });
});

describe('config.json', () => {
  it.each([
    ['rms_norm_eps', -1e-5],
    ['rms_norm_eps', 0],
    ['rope_theta', 0],
    ['rope_theta', -10000],
  ])('with %s %d is refused with its name', async (field, value) => {
    const folder = work.copyOf('llama3-qrm-k5-m3');
    editJson(join(folder, 'config.json'), (json) => (json[field] = value));
    await expect(read(folder)).rejects.toThrow(
      new RegExp(`config\\.json: .*${field}.*a number above 0`),
    );
  });
});

describe('the fingerprint', () => {
  it('follows the content: not the place, but every part', async () => {
    const original = (await read(goldenFolder('llama3-qrm-k5-m3'))).fingerprint;
    const folder = work.copyOf('llama3-qrm-k5-m3');
    expect((await read(folder)).fingerprint).toBe(original);

    const { heads } = await read(folder);
    const other = emptyFolder();
    const seen = new Set([original]);
    for (const change of [0, 1]) {
      const regression = heads!.regression.slice();
      regression[7]! += change;
      await writeHeads({ ...heads!, regression }, other);
      seen.add((await read(folder, { heads: other })).fingerprint);
    }
    writeFileSync(join(folder, 'chat_template.jinja'), '{{ bos_token }}' + template());
    seen.add((await read(folder)).fingerprint);
    expect(seen.size).toBe(4);
  });
});

/** A template that opens the assistant's turn as Llama 3 does. */
function template(): string {
  return (
    "{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' " +
    "+ m['content'] + '<|eot_id|>' }}{% endfor %}"
  );
}
