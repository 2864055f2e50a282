import { describe, expect, it } from 'vitest';
import { Rotation } from '../../../../server/src/model/int8/hadamard.js';
import { quantizeColumns, quantizeRows } from '../../../../server/src/model/int8/quantize.js';
import { seeded } from '../../../../server/src/evaluation/statistics/index.js';

function values(count: number, seed = 1): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: count }, () => 2 * random() - 1);
}

/** v R of the definition, one step and one term after the other: signs, Walsh-Hadamard of each run, DCT-II across runs. */
function rotated(v: readonly number[], power: number): number[] {
  const n = v.length;
  const m = n / power;
  let state = 0x9e3779b9;
  const x = v.map((value) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 1 ? value : -value;
  });
  for (let half = 1; half < power; half *= 2) {
    for (let i = 0; i < n; i++) {
      if (i & half) continue;
      const [a, b] = [x[i]!, x[i + half]!];
      [x[i], x[i + half]] = [a + b, a - b];
    }
  }
  return x.map((_, i) => {
    const [k, j] = [Math.floor(i / power), i % power];
    let sum = 0;
    const norm = Math.sqrt((k === 0 ? 1 : 2) / m);
    for (let r = 0; r < m; r++)
      sum += norm * Math.cos((Math.PI * (r + 0.5) * k) / m) * x[r * power + j]!;
    return Math.fround((m === 1 ? x[i]! : sum) * (1 / Math.sqrt(power)));
  });
}

describe('the rotation', () => {
  // The scores of every model that was converted before hang on these bits.
  it.each([
    [64, 64],
    [576, 64],
    [96, 32],
    [128, 128],
    [2048, 2048],
    [896, 128],
    [2880, 64],
  ])('of %d is its definition, bit by bit', (size, power) => {
    const rows = values(3 * size);
    const expected = [0, 1, 2].flatMap((r) =>
      rotated([...rows.subarray(r * size, (r + 1) * size)], power),
    );
    new Rotation(size).applyToRows(rows);
    expect([...rows]).toEqual(expected);
  });

  it.each([576, 2048])('of %d keeps lengths', (size) => {
    const row = values(size);
    const length = Math.hypot(...row);
    new Rotation(size).applyToRows(row);
    expect(Math.hypot(...row)).toBeCloseTo(length, 4);
  });
});

describe('quantising a matrix', () => {
  const [inputs, outputs] = [96, 150];
  const mean = values(inputs, 2);
  /** By rows, with columns of zeros, and with values halfway between two steps. */
  const w = values(inputs * outputs, 3);
  w.fill(0, 0, inputs);
  w[inputs] = 127;
  for (let i = 1; i < inputs; i++) w[inputs + i] = i - 48.5;

  it('rounds to the nearest, halves up, and says what that loses on the mean input', () => {
    const { values: q, scale, bias } = quantizeRows(w, outputs, inputs, mean);
    for (let o = 0; o < outputs; o++) {
      const row = [...w.subarray(o * inputs, (o + 1) * inputs)];
      const step = Math.fround(Math.max(1e-12, ...row.map(Math.abs)) / 127);
      expect(scale[o]).toBe(step);
      let lost = 0;
      for (const [i, v] of row.entries()) {
        // + 0: there is no negative zero in int8.
        expect(q[i * outputs + o]).toBe(Math.round(v / step) + 0);
        lost += (v - Math.round(v / step) * step) * mean[i]!;
      }
      expect(bias[o]).toBe(Math.fround(lost));
    }
  });

  it('is the same by rows and by columns', () => {
    const columns = Float32Array.from(
      { length: w.length },
      (_, at) => w[(at % outputs) * inputs + Math.floor(at / outputs)]!,
    );
    expect(quantizeColumns(columns, inputs, outputs, mean)).toEqual(
      quantizeRows(w, outputs, inputs, mean),
    );
  });
});
