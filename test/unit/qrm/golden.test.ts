import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  adjust,
  contributions,
  expectation,
  marginContributions,
  measure,
  mixQuantiles,
  mixture,
  strongest,
  uniformLevels,
  type RewardScore,
} from '../../../server/src/qrm/index.js';
import { goldenFolder, goldenNames, readGolden, type Golden } from '../model/golden.js';

const near = (got: ArrayLike<number>, want: readonly number[], digits: number) => {
  expect(got.length).toBe(want.length);
  want.forEach((w, i) => expect(Math.abs(got[i]! - w)).toBeLessThan(digits));
};

describe.each(goldenNames)('golden %s', (name) => {
  const golden = readGolden(name);
  const M = golden.num_objectives;
  const K = golden.num_quantiles;
  const T = readTransform(goldenFolder(name), M);

  it('has the levels k/(K+1)', () => near(uniformLevels(K), golden.quantile_levels, 1e-6));

  it('adjusts, mixes and averages to the published score', () => {
    for (const c of golden.cases) {
      const adjusted = adjust(c.attribute_quantiles.flat(), T, M);
      near(adjusted, c.adjusted_attribute_quantiles.flat(), 1e-5);
      const mixed = mixQuantiles(adjusted, c.gating_weights);
      near(mixed, c.reward_quantiles, 1e-5);
      expect(Math.abs(expectation(mixed) - c.score)).toBeLessThan(1e-5);
    }
  });

  it('has contributions that sum to the score, and the gate as default weights', () => {
    for (const c of golden.cases) {
      const score = scoreOf(c);
      const parts = contributions(score);
      const sum = parts.reduce((a, b) => a + b, 0);
      expect(Math.abs(sum - c.score)).toBeLessThan(1e-5);
      near(mixture(score, score.gate), c.reward_quantiles, 1e-5);
      const sizes = strongest(parts).map((m) => Math.abs(parts[m]!));
      expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    }
    const [a, b] = golden.cases.slice(0, 2).map(scoreOf) as [RewardScore, RewardScore];
    const margin = marginContributions(a, b).reduce((x, y) => x + y, 0);
    expect(Math.abs(margin - (a.expectation - b.expectation))).toBeLessThan(1e-5);
  });

  it('measures every case, with fixed weights too', () => {
    const weights = Array.from({ length: M }, (_, m) => (m === M - 1 ? 1 : 0));
    for (const c of golden.cases) {
      const m = measure(scoreOf(c), golden.quantile_levels, { tau: 0.05, lambda: 1 });
      expect(m.expectation).toBe(c.score);
      expect(m.tail).toBe(Math.fround(Math.min(...c.reward_quantiles)));
      expect(m.tail).toBeLessThanOrEqual(m.cvar);
      expect(m.certaintyEquivalent).toBeLessThanOrEqual(c.score + 1e-6);
      const fixed = measure(scoreOf(c), golden.quantile_levels, { tau: 0.05, lambda: 1, weights });
      const one = c.adjusted_attribute_quantiles[M - 1]!;
      expect(Math.abs(fixed.expectation - expectation(one))).toBeLessThan(1e-5);
    }
  });
});

describe('shapes that do not fit', () => {
  it('are refused with the numbers', () => {
    expect(() => adjust([1, 2, 3], [1, 0, 0, 1], 2)).toThrow(/3 quantiles.*2 attributes/);
    expect(() => mixQuantiles([1, 2, 3], [0.5, 0.5])).toThrow(/3 quantiles.*2 attribute/);
    const score = { ...scoreOf(), gate: Float32Array.of(1) };
    expect(() => mixture(score, [1, 2])).toThrow(/2 weights given, the model has 1/);
    expect(() => measure(score, [0.2, 0.8], { tau: 0.05, lambda: 1 })).toThrow(/1 quantiles at 2/);
  });
});

function scoreOf(c?: Golden['cases'][number]): RewardScore {
  return {
    attributeQuantiles: Float32Array.from(c?.adjusted_attribute_quantiles.flat() ?? [0]),
    gate: Float32Array.from(c?.gating_weights ?? [1]),
    quantiles: Float32Array.from(c?.reward_quantiles ?? [0]),
    expectation: c?.score ?? 0,
    tokens: 1,
    truncatedTokens: 0,
  };
}

/** `reward_transform_matrix` out of the folder's safetensors, read here apart from the product's reader. */
function readTransform(folder: string, M: number): number[] {
  for (const file of readdirSync(folder).filter((f) => f.endsWith('.safetensors'))) {
    const bytes = readFileSync(`${folder}/${file}`);
    const size = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + size)) as Record<
      string,
      { dtype: string; data_offsets: [number, number] }
    >;
    const entry = header['reward_transform_matrix'];
    if (entry === undefined) continue;
    const at = 8 + size + entry.data_offsets[0];
    const width = entry.dtype === 'F32' ? 4 : 2;
    return Array.from({ length: M * M }, (_, i) => {
      const from = at + width * i;
      if (entry.dtype === 'F32') return bytes.readFloatLE(from);
      const word = bytes.readUInt16LE(from);
      return entry.dtype === 'BF16' ? bfloat16(word) : float16(word);
    });
  }
  // Without one nothing is adjusted.
  return Array.from({ length: M * M }, (_, i) => (i % (M + 1) === 0 ? 1 : 0));
}

function bfloat16(word: number): number {
  return new Float32Array(Uint32Array.of(word << 16).buffer)[0]!;
}

function float16(word: number): number {
  const [sign, exponent, fraction] = [word >> 15 ? -1 : 1, (word >> 10) & 31, word & 1023];
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return sign * size;
}
