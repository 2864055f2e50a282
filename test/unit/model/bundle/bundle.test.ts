import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { convertModel, openModel } from '../../../../server/src/model/bundle/bundle.js';
import { applyHeads } from '../../../../server/src/model/heads/heads-math.js';
import { goldenFolder, goldenNames, readGolden, type GoldenCase } from '../golden.js';
import { runBackbone } from '../run-backbone.js';

const root = mkdtempSync(join(tmpdir(), 'qrm-bundle-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let cacheFolder = '';
let folder = '';
let count = 0;
beforeEach(() => {
  cacheFolder = join(root, `cache-${count}`);
  folder = join(root, `model-${count++}`);
});

/** A copy of a golden checkpoint that a test may damage. */
function copyOf(name: string): string {
  cpSync(goldenFolder(name), folder, { recursive: true });
  return folder;
}

const modelsIn = (cache: string): string[] => readdirSync(join(cache, 'models'));

const wanted = (c: GoldenCase): number[] => [c.reward_position, c.gating_position];

/** 1e-4 relative or 1e-5 absolute: what the golden numbers ask of float32. */
function expectSame(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    const tolerance = Math.max(1e-5, 1e-4 * Math.abs(expected[i]!));
    expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(tolerance);
  }
}

describe.each(goldenNames)('openModel of the Hugging Face folder %s', (name) => {
  it('gives heads and a backbone that compute the reference', async () => {
    const golden = readGolden(name);
    const model = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder });
    expect(model.name).toBe(basename(goldenFolder(name)));
    expect(model.precision).toBe('float32');
    expect(model.maxTokens).toBe(4096);
    expect(model.spec.attributes).toHaveLength(golden.num_objectives);
    const c = golden.cases[0]!;
    const { gate } = applyHeads(model.heads, c.last_hidden, c.gating_hidden);
    c.gating_weights.forEach((g, i) => expect(gate[i]).toBeCloseTo(g, 5));
    expectSame(await runBackbone(model.backbonePath, model.config, c.input_ids, wanted(c)), [
      ...c.last_hidden,
      ...c.gating_hidden,
    ]);
  });

  it('converts once: the second opening writes nothing', async () => {
    const options = { precision: 'float32', cacheFolder } as const;
    const first = await openModel(goldenFolder(name), options);
    const before = statSync(first.backbonePath);
    const messages: string[] = [];
    const second = await openModel(goldenFolder(name), {
      ...options,
      onProgress: ({ message }) => messages.push(message),
    });
    expect(second.backbonePath).toBe(first.backbonePath);
    expect(second.modelHash).toBe(first.modelHash);
    expect(statSync(first.backbonePath).ino).toBe(before.ino);
    expect(messages).toEqual([]);
  });

  it('survives the round trip through a bundle', async () => {
    const direct = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder });
    await convertModel(goldenFolder(name), folder, { precision: 'float32' });
    const bundle = await openModel(folder, { cacheFolder: join(root, 'unused') });
    expect(existsSync(join(root, 'unused'))).toBe(false);
    expect(bundle.spec).toEqual(direct.spec);
    expect(bundle.heads).toEqual(direct.heads);
    expect(bundle.precision).toBe('float32');
    expect(bundle.maxTokens).toBe(direct.maxTokens);
    expect(bundle.tokenizer.gatingPattern).toEqual(direct.tokenizer.gatingPattern);
    expect(JSON.parse(JSON.stringify(bundle.config))).toEqual(
      JSON.parse(JSON.stringify(direct.config)),
    );
    const c = readGolden(name).cases.at(-1)!;
    expectSame(await runBackbone(bundle.backbonePath, bundle.config, c.input_ids, wanted(c)), [
      ...c.last_hidden,
      ...c.gating_hidden,
    ]);
  });
});

describe('openModel', () => {
  it('uses float32 safetensors in place: what is written holds no weights', async () => {
    copyOf('llama3-qrm-k5-m3');
    const { backbonePath } = await openModel(folder, { precision: 'float32', cacheFolder });
    const weights = join(folder, 'model.safetensors');
    expect(statSync(weights).nlink).toBe(2);
    const written = readdirSync(dirname(backbonePath))
      .map((name) => statSync(join(dirname(backbonePath), name)))
      .filter(({ ino }) => ino !== statSync(weights).ino)
      .reduce((sum, { size }) => sum + size, 0);
    expect(written).toBeLessThan(50_000);
  });

  it('sees a linked file that was written to, and converts again', async () => {
    copyOf('llama3-qrm-k5-m3');
    const options = { precision: 'float32', cacheFolder } as const;
    const { backbonePath } = await openModel(folder, options);
    const before = statSync(backbonePath).ino;
    const weights = join(folder, 'model.safetensors');
    utimesSync(weights, new Date(), new Date(Date.now() - 5000));
    const again = await openModel(folder, options);
    expect(again.backbonePath).toBe(backbonePath);
    expect(statSync(backbonePath).ino).not.toBe(before);
  });

  it('chooses int8 where the rotation is free, float32 elsewhere; int8 when asked to', async () => {
    const llama = await openModel(goldenFolder('llama3-qrm-k5-m3'), { cacheFolder });
    expect(llama.precision).toBe('int8');
    const gemma = await openModel(goldenFolder('gemma2-qrm'), { cacheFolder });
    expect(gemma.precision).toBe('float32');
    const asked = await openModel(goldenFolder('gemma2-qrm'), { precision: 'int8', cacheFolder });
    expect(asked.precision).toBe('int8');
  });

  it('gives every content and precision its own hash', async () => {
    copyOf('llama3-qrm-k5-m3');
    const hash = async (precision: 'float32' | 'int8') =>
      (await openModel(folder, { precision, cacheFolder })).modelHash;
    const original = await hash('float32');
    const same = await openModel(goldenFolder('llama3-qrm-k5-m3'), {
      precision: 'float32',
      cacheFolder,
    });
    expect(same.modelHash).toBe(original);
    const hashes = [original, await hash('int8')];
    const path = join(folder, 'model.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1]! ^= 1; // the last value of the verbosity adjustment
    writeFileSync(path, bytes);
    hashes.push(await hash('float32'));
    const config = join(folder, 'config.json');
    writeFileSync(config, readFileSync(config, 'utf8').replace('500000', '400000'));
    hashes.push(await hash('float32'));
    expect(new Set(hashes).size).toBe(4);
  });

  it('stops when aborted and leaves nothing behind', async () => {
    const controller = new AbortController();
    const opening = openModel(goldenFolder('llama3-qrm-bf16-sharded'), {
      cacheFolder,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(opening).rejects.toThrow(/abort/i);
    expect(modelsIn(cacheFolder)).toEqual([]);
    const progress: number[] = [];
    const model = await openModel(goldenFolder('llama3-qrm-bf16-sharded'), {
      cacheFolder,
      onProgress: ({ fraction }) => progress.push(fraction!),
    });
    expect(existsSync(model.backbonePath)).toBe(true);
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it('never uses a damaged conversion: it is made again', async () => {
    const options = { precision: 'float32', cacheFolder } as const;
    const name = goldenFolder('llama3-qrm-bf16-sharded');
    const { backbonePath } = await openModel(name, options);
    const data = join(dirname(backbonePath), 'backbone.data');
    const { size } = statSync(data);
    truncateSync(data, size - 1);
    await openModel(name, options);
    expect(statSync(data).size).toBe(size);
    rmSync(join(dirname(backbonePath), 'model.json'));
    await openModel(name, options);
    expect(existsSync(join(dirname(backbonePath), 'model.json'))).toBe(true);
  });

  it('converts correctly when processes do it at once', async () => {
    // In the package, where the script finds the native library.
    const script = join('node_modules', '.qrm-test', `open-${process.pid}.mjs`);
    onTestFinished(() => rmSync(script, { force: true }));
    await build({
      stdin: {
        contents: `import { openModel } from './server/src/model/bundle/bundle.ts';
          const { backbonePath } = await openModel(process.argv[2], { precision: 'float32', cacheFolder: process.argv[3] });
          console.log(backbonePath);`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      external: ['onnxruntime-node'],
      outfile: script,
      logLevel: 'silent',
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    });
    const name = 'llama3-qrm-bf16-sharded';
    const run = () => promisify(execFile)('node', [script, goldenFolder(name), cacheFolder]);
    const paths = (await Promise.all([run(), run(), run()])).map(({ stdout }) => stdout.trim());
    expect(new Set(paths).size).toBe(1);
    expect(modelsIn(cacheFolder)).toHaveLength(1);
    const model = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder });
    expect(model.backbonePath).toBe(paths[0]);
    const c = readGolden(name).cases[0]!;
    expectSame(await runBackbone(paths[0]!, model.config, c.input_ids, wanted(c)), [
      ...c.last_hidden,
      ...c.gating_hidden,
    ]);
  });
});
