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
  const bias = new Float32Array(outputs);
  for (let from = 0; from < outputs; from += BLOCK) {
    const to = Math.min(outputs, from + BLOCK);
    for (let o = from; o < to; o++) {
      const at = o * inputs;
      let peak = 1e-12;
      for (let i = 0; i < inputs; i++) peak = Math.max(peak, Math.abs(w[at + i]!));
      const s = Math.fround(peak / 127);
      let lost = 0;
      for (let i = 0; i < inputs; i++) {
        const q = Math.round(w[at + i]! / s);
        values[i * outputs + o] = q;
        lost += (w[at + i]! - q * s) * mean[i]!;
      }
      scale[o] = s;
      bias[o] = lost;
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
