import type { Fields } from './fields.js';

/** Scaling of the rotary frequencies (Hugging Face `rope_scaling`). */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPosition: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly originalMaxPosition: number;
      /** Whether the range of blended frequencies is rounded outward. */
      readonly truncate: boolean;
      /** Factor of cos and sin. */
      readonly attentionFactor: number;
    };

export interface RopeConfig {
  readonly theta: number;
  readonly scaling?: RopeScaling;
}

const KINDS = {
  default: 'default',
  linear: 'linear',
  dynamic: 'dynamic',
  llama3: 'llama3',
  yarn: 'yarn',
} as const;

/**
 * `rope_theta` and `rope_scaling`, or both inside `rope_parameters` as newer configs have them (there also
 * one set for each kind of layer).
 * @param localBase the field with the base of sliding layers, which are never scaled
 * @throws Error naming the kind of scaling that is not supported
 */
export function ropeOf(
  f: Fields,
  maxPositions: number,
  localBase?: string,
): { rope: RopeConfig; localRope?: RopeConfig } {
  const newer = f.object('rope_parameters');
  const full = newer?.object('full_attention');
  const sliding = newer?.object('sliding_attention');
  const read = (s: Fields | undefined, theta: number): RopeConfig => {
    const scaling = s && scalingOf(s, maxPositions);
    return scaling === undefined ? { theta } : { theta, scaling };
  };
  const inner = full ?? newer;
  const theta = inner?.optional('rope_theta') ?? f.positive('rope_theta', 10000);
  const rope = read(f.object('rope_scaling') ?? inner, theta);
  if (localBase === undefined) return { rope };
  const local = sliding?.optional('rope_theta') ?? f.positive(localBase);
  return { rope, localRope: read(sliding, local) };
}

function scalingOf(s: Fields, maxPositions: number): RopeScaling | undefined {
  // The older name wins in transformers.
  const value = s.get('type') ?? s.get('rope_type') ?? 'default';
  const kind = s.oneOf('rope_type', KINDS, value);
  if (s.number('partial_rotary_factor', 1) !== 1) {
    throw s.error('partial_rotary_factor', s.get('partial_rotary_factor'), '1');
  }
  // Dynamic scaling changes nothing within the context, and longer texts are not run.
  if (kind === 'default' || kind === 'dynamic') return undefined;
  const original = s.number('original_max_position_embeddings', maxPositions);
  switch (kind) {
    case 'linear':
      return { type: kind, factor: s.number('factor') };
    case 'llama3':
      return {
        type: kind,
        factor: s.number('factor'),
        lowFreqFactor: s.number('low_freq_factor'),
        highFreqFactor: s.number('high_freq_factor'),
        originalMaxPosition: original,
      };
    case 'yarn': {
      const factor = s.number('factor', maxPositions / original);
      return {
        type: kind,
        factor,
        betaFast: s.optional('beta_fast') || 32,
        betaSlow: s.optional('beta_slow') || 1,
        originalMaxPosition: original,
        truncate: s.get('truncate') !== false,
        attentionFactor: s.optional('attention_factor') ?? yarnAttention(s, factor),
      };
    }
  }
}

/** YaRN's factor of cos and sin where the config does not give it (Peng et al. 2023, section 3.4). */
function yarnAttention(s: Fields, factor: number): number {
  const scale = (m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const mscale = s.optional('mscale');
  const all = s.optional('mscale_all_dim');
  return mscale && all ? scale(mscale) / scale(all) : scale(1);
}
