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

/** Quantises W given by rows, [outputs, inputs]. @param mean mean input, [inputs] */
export function quantizeRows(
  w: Float32Array,
  outputs: number,
  inputs: number,
  mean: Float32Array,
): Quantized {
  const values = new Int8Array(w.length);
  const scale = new Float32Array(outputs);
  for (let o = 0; o < outputs; o++) {
    let peak = 1e-12;
    for (let at = o * inputs; at < (o + 1) * inputs; at++) {
      const v = w[at]!;
      if (v > peak) peak = v;
      else if (-v > peak) peak = -v;
    }
    scale[o] = peak / 127;
  }
  const lost = new Float64Array(outputs);
  for (let from = 0; from < outputs; from += BLOCK) {
    const to = Math.min(outputs, from + BLOCK);
    for (let i = 0; i < inputs; i++) {
      for (let o = from; o < to; o++) {
        const v = w[o * inputs + i]!;
        const q = Math.round(v / scale[o]!);
        values[i * outputs + o] = q;
        lost[o]! += (v - q * scale[o]!) * mean[i]!;
      }
    }
  }
  const bias = Float32Array.from(lost);
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
  for (let at = 0; at < w.length; at += outputs)
    for (let o = 0; o < outputs; o++) scale[o] = Math.max(scale[o]!, Math.abs(w[at + o]!));
  for (let o = 0; o < outputs; o++) scale[o]! /= 127;
  const lost = new Float64Array(outputs);
  for (let i = 0; i < inputs; i++) {
    const at = i * outputs;
    for (let o = 0; o < outputs; o++) {
      const q = Math.round(w[at + o]! / scale[o]!);
      values[at + o] = q;
      lost[o]! += (w[at + o]! - q * scale[o]!) * mean[i]!;
    }
  }
  return { values, scale, bias: Float32Array.from(lost) };
}
