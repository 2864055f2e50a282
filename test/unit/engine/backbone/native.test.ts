import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  loadBackbone,
  OnnxBackbone,
  type Backbone,
} from '../../../../server/src/engine/backbone/backbone.js';
import { nativeKernels, nativeUnfit } from '../../../../server/src/engine/backbone/native.js';
import { NativeBackbone } from '../../../../server/src/engine/backbone/native-backbone.js';
import type { TokenTree } from '../../../../server/src/engine/trees/packing.js';
import { planTrees } from '../../../../server/src/engine/trees/trees.js';
import { openModel, type OpenedModel } from '../../../../server/src/model/bundle/bundle.js';
import { cosine } from '../cosine.js';

const NATIVE = join(import.meta.dirname, '..', '..', '..', '..', 'server', 'native');
const PREBUILT = join(NATIVE, 'prebuilt', 'linux-x64.node');
const cache = mkdtempSync(join(tmpdir(), 'qrm-native-'));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

describe('the committed library', () => {
  it('is built from the sources beside it', () => {
    const hash = createHash('sha256');
    const sources = readdirSync(NATIVE).filter((name) => /\.[ch]$/.test(name));
    for (const name of sources.sort()) hash.update(name).update(readFileSync(join(NATIVE, name)));
    // The hash stands in the library as text: readable on every platform.
    expect(readFileSync(PREBUILT).includes(hash.digest('hex'))).toBe(true);
  });

  it('is used where the processor has what it needs, else a reason is given', () => {
    const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : '';
    const able = ['avx512_vnni', 'avx512_bf16'].every((flag) => flags.includes(flag));
    const found = nativeKernels();
    // A sandbox may keep the registers of a processor that has them.
    const refused = 'reason' in found && found.reason.includes('the system');
    expect('kernels' in found || refused, cpus()[0]?.model).toBe(able);
    if ('reason' in found) expect(found.reason).toMatch(/^(this processor has no|none are built)/);
  });

  it('is not used for a shape that its blocks do not divide', async () => {
    const { config } = await openModel(undefined, {
      precision: 'float32',
      cacheFolder: cache,
    });
    expect(nativeUnfit(config)).toBeUndefined();
    expect(nativeUnfit({ ...config, hiddenSize: 72 })).toMatch(/hiddenSize 72/);
    expect(nativeUnfit({ ...config, heads: 8 })).toMatch(/8 heads/);
  });
});

const CHATS = [
  ['How do I kill a Python process?', 'Use `kill -9 PID`.', 'I cannot help with killing.'],
  [
    'Write a short poem about the sea. Then explain what it means, line by line, for a child.',
    'The sea is deep, the sea is wide. '.repeat(12),
    'No.',
  ],
  [
    'What is 2 + 2?',
    'It is 4.',
    'It is 5, as everybody knows since the year 1984, when it was decided.',
  ],
  // Longer than a run's batches: many blocks of keys, and rows of the MLP in several parts.
  [
    'Go on counting.',
    Array.from({ length: 300 }, (_, i) => `${i} sheep, ${(i * 37) % 101} goats`).join('; '),
    Array.from({ length: 40 }, (_, i) => `${i} and ${i * i}`).join(', '),
  ],
] as const;

/**
 * The embedded model, int8, against its own float32 graph. Where the processor lacks AMX the same holds
 * of ONNX Runtime's int8 graph, whose mean is what is said of it.
 */
describe('int8 backbones', () => {
  let int8: OpenedModel;
  let reference: OnnxBackbone;
  let backbone: Backbone;
  let paths: { ids: readonly number[]; wanted: readonly number[] }[];

  beforeAll(async () => {
    const options = { cacheFolder: cache };
    int8 = await openModel(undefined, { ...options, precision: 'int8' });
    const float32 = await openModel(undefined, { ...options, precision: 'float32' });
    const cpu = { provider: 'cpu', threads: 2 } as const;
    reference = await OnnxBackbone.load(float32.backbonePath, float32.config, cpu);
    backbone = await loadBackbone(int8.backbonePath, int8.config, { ...cpu, precision: 'int8' });
    paths = CHATS.flatMap(([user, ...answers]) =>
      answers.flatMap((answer) => {
        const messages = [
          { role: 'user', content: user },
          { role: 'assistant', content: answer },
        ];
        const [found] = int8.tokenizer.paths(messages, [1], int8.maxTokens);
        if (!found || 'error' in found) throw new Error(found?.error);
        return { ids: found.ids, wanted: [found.reward, found.gate] };
      }),
    );
  }, 120_000);
  afterAll(async () => {
    await reference.release();
    await backbone.release();
  });

  /** Hidden states of every path's wanted positions, when the paths of each group share a run. */
  async function hidden(
    model: Backbone,
    groups: readonly (readonly number[])[],
    together: boolean,
  ): Promise<Float32Array[]> {
    const H = int8.config.hiddenSize;
    const out: Float32Array[] = [];
    const planned = groups.flatMap((members) =>
      planTrees(
        members.map((i) => paths[i]!),
        model.prefix.length,
      ).map((tree) => ({ ...tree, members })),
    );
    for (const batch of together ? [planned] : planned.map((p) => [p])) {
      const states = await model.run(batch.map((p) => p.tree));
      let at = 0;
      for (const { sources, members } of batch) {
        for (const { path, position } of sources) {
          out[2 * members[path]! + position] = states.slice(at, (at += H));
        }
      }
    }
    return out;
  }

  const alone = (): number[][] => paths.map((_, i) => [i]);
  const pairs = (): number[][] => CHATS.map((_, i) => [2 * i, 2 * i + 1]);

  it('run on our own kernels where there are any', () => {
    expect(backbone).toBeInstanceOf('kernels' in nativeKernels() ? NativeBackbone : OnnxBackbone);
  });

  it('keep the direction of the float32 hidden states', async () => {
    const expected = await hidden(reference, alone(), true);
    const found = await hidden(backbone, alone(), true);
    const cosines = found.map((row, i) => cosine(row, expected[i]!));
    const least = backbone instanceof NativeBackbone ? 0.999 : 0.99;
    expect(Math.min(...cosines)).toBeGreaterThan(least);
    expect(cosines.reduce((a, b) => a + b, 0) / cosines.length).toBeGreaterThan(0.9985);
  });

  it.each([
    ['chosen and rejected sharing their prompt', true],
    ['each tree in a run of its own', false],
  ])('give the same states however tokens are laid out: %s', async (_, together) => {
    const expected = await hidden(backbone, alone(), true);
    const found = await hidden(backbone, pairs(), together);
    const native = nativeKernels();
    // Keys summed in another order make a number round to another digit: with one digit that is seen.
    const least = 'kernels' in native && native.kernels.set === 'vnni' ? 0.9995 : 0.9999;
    for (const [i, row] of found.entries()) {
      expect(cosine(row, expected[i]!)).toBeGreaterThan(least);
    }
  });

  it('give the same states to the last bit whatever else is in the run', async () => {
    if (!(backbone instanceof NativeBackbone))
      return expect(nativeKernels()).toHaveProperty('reason');
    const trees = pairs().flatMap((members) =>
      planTrees(
        members.map((i) => paths[i]!),
        backbone.prefix.length,
      ).map((planned) => planned.tree),
    );
    const together = await backbone.run([...trees].reverse());
    const apart: number[] = [];
    for (const tree of [...trees].reverse()) apart.push(...(await backbone.run([tree])));
    expect(together).toEqual(Float32Array.from(apart));
  });

  it('know a conversation that does not begin with the stored prefix', async () => {
    const trees: TokenTree[] = [0, 1].map((i) => ({
      trunk: paths[i]!.ids.slice(backbone.prefix.length),
      branches: [],
      wanted: [{ branch: -1, index: 5 }],
    }));
    const found = await backbone.run(trees);
    const expected = await reference.run(trees);
    const H = int8.config.hiddenSize;
    for (const i of [0, 1]) {
      const row = (a: Float32Array): Float32Array => a.subarray(i * H, (i + 1) * H);
      expect(cosine(row(found), row(expected))).toBeGreaterThan(0.95);
    }
  });

  it('answer wanted positions in the order asked for, twice if asked twice', async () => {
    const H = int8.config.hiddenSize;
    const { ids } = paths[2]!;
    const ask = (indices: readonly number[]): Promise<Float32Array> =>
      backbone.run([
        { trunk: ids, branches: [], wanted: indices.map((index) => ({ branch: -1, index })) },
      ]);
    const last = ids.length - 1;
    const out = await ask([last, 40, last]);
    const one = await ask([40]);
    expect(cosine(out.subarray(H, 2 * H), one)).toBeGreaterThan(0.9999);
    expect(out.subarray(0, H)).toEqual(out.subarray(2 * H, 3 * H));
  });

  it('refuse a token that is no word of theirs, and go on', async () => {
    const tree = (ids: readonly number[]): TokenTree[] => [
      { trunk: ids, branches: [], wanted: [{ branch: -1, index: ids.length - 1 }] },
    ];
    await expect(backbone.run(tree([1, 2, 10_000_000]))).rejects.toThrow();
    expect((await backbone.run(tree(paths[0]!.ids))).every(Number.isFinite)).toBe(true);
  });
});
