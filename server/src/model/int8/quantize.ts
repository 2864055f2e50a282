/** A matrix as int8 [in, out] with a scale for each output column. */
export interface Quantized {
  readonly values: Int8Array;
  /** [out] float32: weight ~ values * scale. */
  readonly scale: Float32Array;
  /** [out] float32: (W - values * scale) applied to the mean input, to be added to the product. */
  readonly bias: Float32Array;
}

/** Columns handled at a time, so that both layouts stay in the cache. */
const BLOCK = 64;

/**
 * Math.round(x) for |x| <= 128, in integers: three times as fast. A quotient of two float32 is no closer to a half than
 * 2^-26 unless it is one, so that the addition rounds none up.
 */
const round = (x: number): number => ((x + 128.5) | 0) - 128;

/** Quantises W given by rows, [outputs, inputs]. @param mean mean input, [inputs] */
export function quantizeRows(
  w: Float32Array,
  outputs: number,
  inputs: number,
  mean: Float32Array,
): Quantized {
  const values = new Int8Array(w.length);
  const scale = new Float32Array(outputs);
  const bias = new Float32Array(outputs);
  /** Some rows, before they stand as columns. */
  const rows = new Int8Array(BLOCK * inputs);
  for (let from = 0; from < outputs; from += BLOCK) {
    const count = Math.min(outputs - from, BLOCK);
    for (let o = 0; o < count; o++) {
      const at = (from + o) * inputs;
      let peak = 1e-12;
      for (let i = at; i < at + inputs; i++) {
        const v = Math.abs(w[i]!);
        if (v > peak) peak = v;
      }
      scale[from + o] = peak / 127;
      const step = scale[from + o]!;
      let lost = 0;
      for (let i = 0; i < inputs; i++) {
        const v = w[at + i]!;
        const q = round(v / step);
        rows[o * inputs + i] = q;
        lost += (v - q * step) * mean[i]!;
      }
      bias[from + o] = lost;
    }
    for (let i = 0; i < inputs; i++) {
      const to = i * outputs + from;
      for (let o = 0, at = i; o < count; o++, at += inputs) values[to + o] = rows[at]!;
    }
  }
  return { values, scale, bias };
}

/** Quantises W given transposed, [inputs, outputs]. @param mean mean input, [inputs] */
export function quantizeColumns(
  w: Float32Array,
  inputs: number,
  outputs: number,
  mean: Float32Array,
): Quantized {
  const values = new Int8Array(w.length);
  const scale = new Float32Array(outputs).fill(1e-12);
  for (let at = 0; at < w.length; at += outputs) {
    for (let o = 0; o < outputs; o++) {
      const v = Math.abs(w[at + o]!);
      if (v > scale[o]!) scale[o] = v;
    }
  }
  for (let o = 0; o < outputs; o++) scale[o]! /= 127;
  const lost = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    const at = i * outputs;
    const input = mean[i]!;
    for (let o = 0; o < outputs; o++) {
      const v = w[at + o]!;
      const step = scale[o]!;
      const q = round(v / step);
      values[at + o] = q;
      lost[o]! += (v - q * step) * input;
    }
  }
  return { values, scale, bias: Float32Array.from(lost) };
}
