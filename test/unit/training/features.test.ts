import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { ChatMessage } from '../../../server/src/engine/types.js';
import { writeBackbone } from '../../../server/src/model/bundle/backbone/files.js';
import { BACKBONE } from '../../../server/src/model/bundle/format/manifest.js';
import { openTrainBackbone } from '../../../server/src/training/features/backbone.js';
import {
  encode,
  extractInto,
  type Encoded,
} from '../../../server/src/training/features/extract.js';
import {
  FeatureStore,
  type FeatureIdentity,
} from '../../../server/src/training/features/feature-store.js';
import { decodeHalf, encodeHalf } from '../../../server/src/model/checkpoint/half.js';

interface Case {
  messages: ChatMessage[];
  last_hidden: number[];
  gating_hidden: number[];
}

const golden = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/golden/${name}`, import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'qrm-features-'));
afterAll(() => rmSync(scratch, { recursive: true }));
let folders = 0;
const folder = (): string => join(scratch, String(folders++));

function cosine(a: ArrayLike<number>, b: readonly number[]): number {
  let ab = 0;
  let aa = 0;
  let bb = 0;
  b.forEach((y, i) => {
    ab += a[i]! * y;
    aa += a[i]! ** 2;
    bb += y ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

/** A golden backbone, its cases as tokens, and a store for its features. */
async function prepared(name: string, layer?: number) {
  const backbone = await openTrainBackbone(golden(name), layer);
  const at = folder();
  await mkdir(at, { recursive: true });
  await writeBackbone(backbone, 'float32', at);
  await backbone.close();
  const { cases } = JSON.parse(readFileSync(join(golden(name), 'expected.json'), 'utf8')) as {
    cases: Case[];
  };
  const encoded = cases.map((c) => encode(backbone.tokenizer, c.messages, 8192) as Encoded);
  const identity: FeatureIdentity = {
    backbone: backbone.fingerprint,
    layers: backbone.config.layers,
    precision: 'float32',
    by: 'cpu',
    hiddenSize: backbone.config.hiddenSize,
    type: 'float32',
  };
  const ready = {
    path: join(at, BACKBONE),
    config: backbone.config,
    precision: 'float32' as const,
  };
  return { ready, cases, encoded, identity };
}

describe('features', () => {
  for (const name of ['llama3-qrm-k5-m3', 'gemma2-qrm']) {
    it(`are the reference's hidden states at both positions: ${name}`, async () => {
      const { ready, cases, encoded, identity } = await prepared(name);
      const store = await FeatureStore.open(folder(), identity);
      // Cases as groups of one, two and the rest: some share their beginning, others do not.
      const groups = [encoded.slice(0, 1), encoded.slice(1, 3), encoded.slice(3)];
      const progress: number[] = [];
      await extractInto(store, ready, groups, {
        budget: 64,
        threads: 1,
        onProgress: (done, total) => progress.push(done / total),
      });
      const H = identity.hiddenSize;
      const keys = encoded.map((e) => e.key);
      for (const [part, field] of [
        ['reward', 'last_hidden'],
        ['gating', 'gating_hidden'],
      ] as const) {
        const rows = new Float64Array(keys.length * H);
        await store.read(keys, part, rows);
        cases.forEach((c, i) =>
          expect(cosine(rows.subarray(i * H, (i + 1) * H), c[field])).toBeGreaterThan(0.99999),
        );
      }
      expect(progress.at(-1)).toBe(1);
      await store.close();
    });
  }

  it('are computed once: a second run finds them all', async () => {
    const { ready, encoded, identity } = await prepared('llama3-qrm-k5-m3');
    const at = folder();
    const first = await FeatureStore.open(at, identity);
    await extractInto(first, ready, [encoded], { threads: 1 });
    await first.close();
    const again = await FeatureStore.open(at, identity);
    const seen: number[] = [];
    await extractInto(again, { ...ready, path: 'nowhere.onnx' }, [encoded], {
      threads: 1,
      onProgress: (done, total) => seen.push(done / total),
    });
    expect(seen).toEqual([1]);
    await again.close();
  });

  it('change with the number of layers', async () => {
    const read = async (layer: number): Promise<Float64Array> => {
      const { ready, encoded, identity } = await prepared('llama3-qrm-k5-m3', layer);
      const store = await FeatureStore.open(folder(), identity);
      await extractInto(store, ready, [encoded.slice(0, 1)], { threads: 1 });
      const out = new Float64Array(identity.hiddenSize);
      await store.read([encoded[0]!.key], 'reward', out);
      await store.close();
      return out;
    };
    expect([...(await read(2))]).not.toEqual([...(await read(3))]);
  });

  it('say why a conversation cannot be scored', async () => {
    const backbone = await openTrainBackbone(golden('llama3-qrm-k5-m3'), undefined);
    expect(encode(backbone.tokenizer, [{ role: 'user', content: 'Hi' }], 100)).toMatchObject({
      error: expect.stringMatching(/assistant/) as string,
    });
    await backbone.close();
  });

  it('refuse a layer that is not there', async () => {
    await expect(openTrainBackbone(golden('llama3-qrm-k5-m3'), 9)).rejects.toThrow(
      /--layer 9: .* has 3 layers/,
    );
  });
});

describe('the feature store', () => {
  const identity: FeatureIdentity = {
    backbone: 'b',
    layers: 1,
    precision: 'float32',
    by: 'cpu',
    hiddenSize: 3,
    type: 'float32',
  };
  const key = (n: number): string => n.toString(16).padStart(32, '0');
  const row = (n: number): Float32Array => Float32Array.of(n, n + 0.25, 0, -n, 1e-5, 7);

  it('is another one for another backbone, cut, precision, engine or type', async () => {
    const at = folder();
    await (await FeatureStore.open(at, identity)).close();
    expect(await FeatureStore.isThere(at, { ...identity })).toBe(true);
    const others = { backbone: 'c', layers: 2, precision: 'int8', by: 'vllm-x', type: 'float16' };
    for (const [key, value] of Object.entries(others)) {
      const other = { ...identity, [key]: value } as FeatureIdentity;
      expect(await FeatureStore.isThere(at, other)).toBe(false);
    }
  });

  it.each(['float32', 'float16'] as const)('keeps rows by key as %s', async (type) => {
    const at = folder();
    const store = await FeatureStore.open(at, { ...identity, type });
    await store.add([key(1), key(2)], Float32Array.of(...row(1), ...row(2)));
    await store.add([key(2), key(3)], Float32Array.of(...row(9), ...row(3)));
    await store.close();
    const again = await FeatureStore.open(at, { ...identity, type });
    expect(again.size).toBe(3);
    const out = new Float32Array(9);
    await again.read([key(3), key(1), key(2)], 'reward', out);
    expect([...out]).toEqual([3, 3.25, 0, 1, 1.25, 0, 2, 2.25, 0]);
    await again.read([key(3), key(1), key(2)], 'gating', out);
    expect(out[0]).toBe(-3);
    expect(out[1]).toBeCloseTo(1e-5, 7);
    await again.close();
  });

  it('cuts off what a kill left of a row', async () => {
    const at = folder();
    const store = await FeatureStore.open(at, identity);
    await store.add([key(1), key(2)], Float32Array.of(...row(1), ...row(2)));
    await store.close();
    const [data] = (await readdir(at)).filter((n) => n.endsWith('.bin'));
    // The numbers of the next row are there in part, its key is not.
    appendFileSync(join(at, data!), Buffer.alloc(10, 1));
    const again = await FeatureStore.open(at, identity);
    await again.add([key(3)], row(3));
    const out = new Float32Array(3);
    await again.read([key(3)], 'reward', out);
    expect([...out]).toEqual([3, 3.25, 0]);
    expect(statSync(join(at, data!)).size).toBe(3 * 24);
    await again.close();
  });

  it('is for one process at a time, and takes over from one that was killed', async () => {
    const at = folder();
    const store = await FeatureStore.open(at, identity);
    await expect(FeatureStore.open(at, identity)).rejects.toThrow(/another training run/);
    await store.close();
    const [header] = (await readdir(at)).filter((n) => n.endsWith('.json'));
    // A process number that no system gives.
    writeFileSync(join(at, header!.replace('.json', '.lock')), '2147483646');
    await (await FeatureStore.open(at, identity)).close();
  });

  it('names a conversation that it does not hold', async () => {
    const store = await FeatureStore.open(folder(), identity);
    await expect(store.read([key(1)], 'reward', new Float32Array(3))).rejects.toThrow(
      /not computed/,
    );
    await store.close();
  });
});

describe('half precision', () => {
  it('comes back for every half there is', () => {
    for (let h = 0; h < 0x10000; h++) {
      const value = decodeHalf(Uint16Array.of(h));
      if (Number.isNaN(value[0])) continue;
      expect(encodeHalf(value)[0]).toBe(h);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    const near = (x: number): number => {
      const half = encodeHalf(Float32Array.of(x));
      return decodeHalf(half)[0]!;
    };
    expect(near(1 + 2 ** -11)).toBe(1);
    expect(near(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
    expect(near(2 ** -25)).toBe(0);
    expect(near(1.5 * 2 ** -24)).toBe(2 ** -23);
    expect(near(65520)).toBe(Infinity);
    expect(near(-3.1)).toBeCloseTo(-3.1, 2);
  });
});
