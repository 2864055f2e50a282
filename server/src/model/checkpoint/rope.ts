import type { ModelConfig } from './config.js';

/**
 * Inverse frequencies of the rotary embedding, length headDim/2, in float32 as the reference does:
 * theta^(-2i/headDim), then `linear` (divided by the factor) or `llama3` scaling (Llama 3.1: long
 * wavelengths divided by the factor, short ones kept, a smooth blend between).
 */
export function inverseFrequencies(config: Pick<ModelConfig, 'headDim' | 'rope'>): Float32Array {
  const { theta, scaling } = config.rope;
  const half = config.headDim / 2;
  const out = new Float32Array(half);
  for (let i = 0; i < half; i++) {
    const base = Math.fround(1 / Math.fround(Math.pow(theta, (2 * i) / config.headDim)));
    out[i] = base;
    if (scaling?.type === 'linear') out[i] = base / scaling.factor;
    if (scaling?.type === 'llama3') {
      const wavelength = (2 * Math.PI) / base;
      const longest = scaling.originalMaxPosition / scaling.lowFreqFactor;
      const shortest = scaling.originalMaxPosition / scaling.highFreqFactor;
      if (wavelength > longest) out[i] = base / scaling.factor;
      else if (wavelength > shortest) {
        const smooth =
          (scaling.originalMaxPosition / wavelength - scaling.lowFreqFactor) /
          (scaling.highFreqFactor - scaling.lowFreqFactor);
        out[i] = ((1 - smooth) * base) / scaling.factor + smooth * base;
      }
    }
  }
  return out;
}
