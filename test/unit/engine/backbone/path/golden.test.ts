import { describe, expect, it } from 'vitest';
import { layOutPaths } from '../../../../../server/src/engine/backbone/path/layout.js';
import { quantizeBlocks } from '../../../../../server/src/model/graph/paths/nbits.js';
import {
  makeVariant,
  paddedHead,
  type Variant,
} from '../../../../../server/src/model/graph/paths/variants.js';
import type { ModelConfig } from '../../../../../server/src/model/checkpoint/config.js';
import type { TensorSource } from '../../../../../server/src/model/checkpoint/safetensors.js';
import { runGolden } from '../../../../gpu/golden.js';
import { cosine } from '../../cosine.js';
import { goldenNames } from '../../../model/golden.js';

const float32 = (config: ModelConfig): Variant =>
  makeVariant('float32', { activations: 'float32' }, config);

/** 1e-4 relative or 1e-5 absolute. */
function expectClose(found: Float32Array, expected: ArrayLike<number>): void {
  for (let i = 0; i < expected.length; i++) {
    const limit = Math.max(1e-5, 1e-4 * Math.abs(expected[i]!));
    expect(Math.abs(found[i]! - expected[i]!)).toBeLessThan(limit);
  }
}

/** A checkpoint whose linear layers are rounded to blocks and read back, by the format's definition. */
function rounded(source: TensorSource, { headDim }: ModelConfig, bits: 4 | 8): TensorSource {
  return {
    names: () => source.names(),
    has: (name) => source.has(name),
    info: (name) => source.info(name),
    readFloat32: async (name) => {
      const values = Float32Array.from(await source.readFloat32(name));
      if (!name.endsWith('proj.weight')) return values;
      const columns = source.info(name).shape[1]!;
      // Heads that are widened to a multiple of 16 shift the blocks of the output projection.
      const [D, P] = name.includes('o_proj') ? [headDim, paddedHead(headDim)] : [1, 1];
      const width = (columns / D) * P;
      const place = (at: number): number => {
        const column = at % columns;
        return Math.floor(at / columns) * width + Math.floor(column / D) * P + (column % D);
      };
      const wide = new Float32Array((values.length / columns) * width);
      values.forEach((value, at) => (wide[place(at)] = value));
      const { codes, scales } = quantizeBlocks(wide, width, bits);
      const blocks = Math.ceil(width / 32);
      return values.map((_value, at) => {
        const [row, column] = [Math.floor(place(at) / width), place(at) % width];
        const block = row * blocks + Math.floor(column / 32);
        const i = column % 32;
        const byte = codes[block * 4 * bits + (bits === 8 ? i : i >> 1)]!;
        const code = bits === 8 ? byte : i % 2 === 0 ? byte & 15 : byte >> 4;
        return (code - 2 ** (bits - 1)) * scales[block]!;
      });
    },
    close: () => source.close(),
  };
}

/** The lowest cosine with the reference, for forms that round. */
async function lowest(name: string, variant: (config: ModelConfig) => Variant): Promise<number> {
  const { found, expected } = await runGolden(name, variant);
  return Math.min(...expected.map((e, i) => cosine(found[i]!, e)));
}

describe.each(goldenNames)('grouped-query attention over paths, %s', (name) => {
  it.each(['fused', 'spelled'] as const)(
    'gives the reference in float32, attention %s',
    async (attention) => {
      const { found, expected } = await runGolden(name, (config) =>
        makeVariant('float32', { activations: 'float32' }, config, attention),
      );
      for (const [i, e] of expected.entries()) expectClose(found[i]!, e);
    },
  );

  it('stays at cosine 0.9999 in float16; of a Gemma the residual stream is float32', async () => {
    const least = await lowest(name, (config) => {
      const variant = makeVariant('float16', { activations: 'float16' }, config);
      expect(variant.residual).toBe(config.normPlusOne ? 'float32' : 'float16');
      return variant;
    });
    expect(least).toBeGreaterThan(0.9999);
  });

  it.each([4, 8] as const)(
    'computes with weights of %i bits what float32 computes with the same rounded weights',
    async (bits) => {
      const exact = await runGolden(name, float32, {
        weights: (source, config) => rounded(source, config, bits),
      });
      const row = { activations: 'float32', bits } as const;
      const found = await runGolden(name, (config) => makeVariant('int4', row, config));
      for (const [i, e] of exact.found.entries()) expectClose(found.found[i]!, e);
    },
  );

  it('rounds activations to int8 in blocks of 32 at accuracy level 4, at cosine 0.99', async () => {
    const exact = await runGolden(name, float32, {
      weights: (source, config) => rounded(source, config, 4),
    });
    const row = { activations: 'float32', bits: 4, accuracy: 4 } as const;
    const found = await runGolden(name, (config) => makeVariant('int4', row, config));
    const least = Math.min(...exact.found.map((e, i) => cosine(found.found[i]!, e)));
    expect(least).toBeGreaterThan(0.99);
  });
});

describe('layOutPaths', () => {
  it('gives each branch a row with its trunk, and packs shared tokens once', () => {
    const batch = layOutPaths([
      {
        trunk: [7, 8],
        branches: [[9], [5, 6]],
        wanted: [
          { branch: -1, index: 1 },
          { branch: 1, index: 3 },
        ],
      },
      { trunk: [4], branches: [], wanted: [{ branch: -1, index: 0 }] },
    ]);
    expect([...batch.ids]).toEqual([7, 8, 9, 5, 6, 4]);
    expect([batch.rows, batch.length]).toEqual([3, 4]);
    expect([...batch.lengths]).toEqual([2, 3, 0]);
    expect([...batch.rowTokens].map(Number)).toEqual([0, 1, 2, 0, 0, 1, 3, 4, 5, 0, 0, 0]);
    expect([...batch.tokenSlots].map(Number)).toEqual([0, 1, 2, 6, 7, 8]);
    expect([...batch.targetSlots].map(Number)).toEqual([1, 7, 8]);
    expect([...batch.targets].map(Number)).toEqual([1, 4, 5]);
  });
});
