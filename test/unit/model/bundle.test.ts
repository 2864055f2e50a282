import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
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
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { convertModel, openModel } from '../../../server/src/model/bundle.js';
import { applyHeads } from '../../../server/src/model/heads-math.js';
import { goldenFolder, goldenNames, readGolden } from './golden.js';

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

describe.each(goldenNames)('openModel of the Hugging Face folder %s', (name) => {
  it('gives heads that compute the reference, and a backbone that ONNX Runtime loads', async () => {
    const golden = readGolden(name);
    const model = await openModel(goldenFolder(name), { precision: 'float32', cacheFolder });
    expect(model.name).toBe(name);
    expect(model.precision).toBe('float32');
    expect(model.maxTokens).toBe(4096);
    expect(model.spec.attributes).toHaveLength(golden.num_objectives);
    const c = golden.cases[0]!;
    const { gate } = applyHeads(model.heads, c.last_hidden, c.gating_hidden);
    c.gating_weights.forEach((g, i) => expect(gate[i]).toBeCloseTo(g, 5));
    const session = await InferenceSession.create(model.backbonePath);
    expect(session.outputNames).toContain('hidden');
    await session.release();
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
    const session = await InferenceSession.create(bundle.backbonePath);
    await session.release();
  });
});
