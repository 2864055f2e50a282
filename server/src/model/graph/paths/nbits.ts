import { BLOCK } from './variants.js';

/** Blocks as MatMulNBits stores them, symmetric: value = (code - 2^(bits-1)) * scale. */
export interface Blocks {
  /** [rows, blocks, 32 * bits / 8] bytes; of 4 bits the even code is the low half. */
  readonly codes: Uint8Array;
  /** [rows, blocks] */
  readonly scales: Float32Array;
}

export const blocksOf = (columns: number): number => Math.ceil(columns / BLOCK);

/** How far from 8 steps the largest of a 4-bit block may lie: each is tried, the least squares wins. */
const STEPS = [-8.4, -8, -7.7, -7.4, -7, 7];

/**
 * Rounds rows of a matrix to blocks of 32.
 * @param values [rows, columns], row-major; a last block that is not full is filled with zeros
 */
export function quantizeBlocks(values: Float32Array, columns: number, bits: 4 | 8): Blocks {
  const rows = values.length / columns;
  const count = blocksOf(columns);
  const scales = new Float32Array(rows * count);
  const codes = new Uint8Array((rows * count * BLOCK * bits) / 8);
  const block = new Float32Array(BLOCK);
  for (let r = 0; r < rows; r++) {
    for (let b = 0; b < count; b++) {
      const from = r * columns + b * BLOCK;
      const size = Math.min(BLOCK, columns - b * BLOCK);
      if (size < BLOCK) block.fill(0);
      for (let i = 0; i < size; i++) block[i] = values[from + i]!;
      const at = r * count + b;
      scales[at] = bits === 8 ? eight(block, codes, at * BLOCK) : four(block, codes, at * 16);
    }
  }
  return { codes, scales };
}

/** @returns the block's element of the largest magnitude, with its sign */
function peakOf(block: Float32Array): number {
  let peak = 0;
  for (let i = 0; i < BLOCK; i++) if (Math.abs(block[i]!) > Math.abs(peak)) peak = block[i]!;
  return peak;
}

function eight(block: Float32Array, codes: Uint8Array, at: number): number {
  const scale = Math.abs(peakOf(block)) / 127;
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < BLOCK; i++) codes[at + i] = 128 + Math.round(block[i]! * inverse);
  return scale;
}

function four(block: Float32Array, codes: Uint8Array, at: number): number {
  const peak = peakOf(block);
  if (peak === 0) {
    codes.fill(0x88, at, at + 16);
    return 0;
  }
  let inverse = 0;
  let scale = 0;
  let most = -1;
  for (const step of STEPS) {
    // With the codes fixed the best scale is sum(x q) / sum(q q), which takes sum(x q)^2 / sum(q q) from the error.
    const trial = step / peak;
    let [xq, qq] = [0, 0];
    for (let i = 0; i < BLOCK; i++) {
      const x = block[i]!;
      const q = level(x * trial);
      xq += x * q;
      qq += q * q;
    }
    const gain = (xq * xq) / qq;
    if (gain > most) [most, inverse, scale] = [gain, trial, xq / qq];
  }
  for (let i = 0; i < 16; i++) {
    const low = level(block[2 * i]! * inverse) + 8;
    codes[at + i] = low | ((level(block[2 * i + 1]! * inverse) + 8) << 4);
  }
  return scale;
}

/** To the nearest of -8 to 7. */
function level(x: number): number {
  const q = Math.round(x);
  return q < -8 ? -8 : q > 7 ? 7 : q;
}
