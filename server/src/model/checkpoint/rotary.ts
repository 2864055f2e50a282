import type { ModelConfig, RopeConfig, RopeScaling } from './config.js';

/**
 * Inverse frequencies of the rotary embedding, length headDim/2, in float32 as the reference does:
 * theta^(-2i/headDim), then `linear` (divided by the factor), `llama3` (Llama 3.1: long wavelengths divided
 * by the factor, short ones kept, a smooth blend between) or `yarn` scaling (Peng et al. 2023).
 */
export function inverseFrequencies(
  config: Pick<ModelConfig, 'headDim' | 'rope'>,
  rope: RopeConfig = config.rope,
): Float32Array {
  const { theta, scaling } = rope;
  const half = config.headDim / 2;
  const out = new Float32Array(half);
  const scaled = scaling === undefined ? undefined : scalings[scaling.type](scaling, theta, half);
  for (let i = 0; i < half; i++) {
    const base = Math.fround(1 / Math.fround(Math.pow(theta, (2 * i) / config.headDim)));
    out[i] = scaled === undefined ? base : scaled(base, i);
  }
  return out;
}

/** Factor of cos and sin. */
export function rotaryFactor({ scaling }: RopeConfig): number {
  return scaling?.type === 'yarn' ? scaling.attentionFactor : 1;
}

type Scaled = (base: number, i: number) => number;
type Of<T extends RopeScaling['type']> = Extract<RopeScaling, { type: T }>;

const linear = ({ factor }: Of<'linear'>): Scaled => {
  return (base) => base / factor;
};

const llama3 = (s: Of<'llama3'>): Scaled => {
  const longest = s.originalMaxPosition / s.lowFreqFactor;
  const shortest = s.originalMaxPosition / s.highFreqFactor;
  return (base) => {
    const wavelength = (2 * Math.PI) / base;
    if (wavelength > longest) return base / s.factor;
    if (wavelength <= shortest) return base;
    const smooth =
      (s.originalMaxPosition / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor);
    return ((1 - smooth) * base) / s.factor + smooth * base;
  };
};

const yarn = (s: Of<'yarn'>, theta: number, half: number): Scaled => {
  /** The dimension that turns so often over the original context. */
  const dimension = (turns: number): number =>
    (half * Math.log(s.originalMaxPosition / (turns * 2 * Math.PI))) / Math.log(theta);
  const round = s.truncate ? { low: Math.floor, high: Math.ceil } : { low: Number, high: Number };
  const low = Math.max(round.low(dimension(s.betaFast)), 0);
  let high = Math.min(round.high(dimension(s.betaSlow)), 2 * half - 1);
  if (low === high) high += 0.001;
  return (base, i) => {
    const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
    return (base / s.factor) * ramp + base * (1 - ramp);
  };
};

const scalings = { linear, llama3, yarn } as unknown as Readonly<
  Record<RopeScaling['type'], (s: RopeScaling, theta: number, half: number) => Scaled>
>;
