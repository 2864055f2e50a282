import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openModel } from '../../../../server/src/model/bundle/bundle.js';
import { listModels } from '../../../../server/src/model/bundle/models.js';
import { goldenFolder } from '../golden.js';
import { Workspace } from '../workspace.js';

const work = new Workspace();

describe('listModels', () => {
  it('lists what was converted, the last used first, and opens it by name', async () => {
    const cacheFolder = work.fresh('cache');
    const folder = work.copyOf('gemma2-qrm');
    const small = goldenFolder('llama3-qrm-k5-m3');
    await openModel(folder, { cacheFolder });
    await new Promise((resolve) => setTimeout(resolve, 20));
    await openModel(small, { precision: 'float32', cacheFolder });
    const models = (await listModels(cacheFolder)).filter((m) => m.kind === 'converted');
    expect(models).toMatchObject([
      { name: 'llama3-qrm-k5-m3', attributes: 3, precision: 'float32', path: small },
      { name: expect.stringMatching(/^gemma2-qrm/) as string, attributes: 19, path: folder },
    ]);
    expect(models[1]!.bytes).toBeGreaterThan(400_000);
    const named = await openModel('llama3-qrm-k5-m3', { precision: 'float32', cacheFolder });
    expect(named.spec.attributes).toHaveLength(3);
    rmSync(folder, { recursive: true });
    await expect(openModel(models[1]!.name, { cacheFolder })).rejects.toThrow(
      /no model "gemma2-qrm.*or one of .*llama3-qrm-k5-m3/,
    );
  });

  it('needs no cache folder', async () => {
    const models = await listModels(work.fresh('none'));
    expect(models.filter((m) => m.kind === 'converted')).toEqual([]);
  });
});

describe('names of the Hugging Face cache', () => {
  beforeEach(() => vi.stubEnv('HF_HUB_CACHE', work.fresh('hub')));
  afterEach(() => vi.unstubAllEnvs());

  it('org/name opens the downloaded snapshot under its name', async () => {
    const repo = join(process.env['HF_HUB_CACHE']!, 'models--acme--tiny-qrm');
    mkdirSync(join(repo, 'refs'), { recursive: true });
    writeFileSync(join(repo, 'refs', 'main'), 'abc123\n');
    cpSync(goldenFolder('llama3-qrm-k5-m3'), join(repo, 'snapshots', 'abc123'), {
      recursive: true,
    });
    writeFileSync(
      join(repo, 'snapshots', 'abc123', 'README.md'),
      '---\nlanguage: en\nlicense: apache-2.0\n---\n# Tiny\nlicense: none\n',
    );
    const model = await openModel('acme/tiny-qrm', { cacheFolder: work.fresh('cache') });
    expect(model.name).toBe('acme/tiny-qrm');
    expect(model.licence).toBe('apache-2.0');
  });
});
