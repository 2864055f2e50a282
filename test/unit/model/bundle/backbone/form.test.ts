import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  chooseForm,
  formOf,
  isForCpu,
  precisionsOf,
} from '../../../../../server/src/model/bundle/backbone/form.js';
import {
  parseConfig,
  type ModelConfig,
} from '../../../../../server/src/model/checkpoint/config.js';

const LLAMA_8B = parseConfig(
  {
    model_type: 'llama',
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    intermediate_size: 14336,
    vocab_size: 128256,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-5,
  },
  'config.json',
);
const GEMMA_27B = parseConfig(
  {
    model_type: 'gemma2',
    hidden_size: 4608,
    num_hidden_layers: 46,
    num_attention_heads: 32,
    num_key_value_heads: 16,
    head_dim: 128,
    intermediate_size: 36864,
    vocab_size: 256000,
    query_pre_attn_scalar: 144,
  },
  'config.json',
);
const GB = 1e9;

describe('the precision that auto takes', () => {
  it.each<[string, ModelConfig, 'cpu' | 'cuda' | 'webgpu', number | undefined, string]>([
    ['8B on a CPU with memory enough', LLAMA_8B, 'cpu', 64 * GB, 'int8'],
    ['8B on a CPU where nobody tells', LLAMA_8B, 'cpu', undefined, 'int8'],
    ['8B on a CPU with 7 GB free', LLAMA_8B, 'cpu', 7 * GB, 'int4'],
    ['8B on an 80 GB card', LLAMA_8B, 'cuda', 80 * GB, 'float16'],
    ['8B on a 12 GB card', LLAMA_8B, 'cuda', 12 * GB, 'int8'],
    ['8B on a 6 GB card', LLAMA_8B, 'cuda', 6 * GB, 'int4'],
    ['27B on an 80 GB card', GEMMA_27B, 'cuda', 80 * GB, 'bfloat16'],
    ['27B on a 48 GB card', GEMMA_27B, 'cuda', 48 * GB, 'int8'],
    ['27B on a 24 GB card', GEMMA_27B, 'cuda', 24 * GB, 'int4'],
    ['27B on a CPU with 256 GB', GEMMA_27B, 'cpu', 256 * GB, 'float32'],
    ['27B on a CPU with 64 GB', GEMMA_27B, 'cpu', 64 * GB, 'int8'],
    ['8B through WebGPU where nobody tells', LLAMA_8B, 'webgpu', undefined, 'int8'],
    ['8B through WebGPU with 6 GB', LLAMA_8B, 'webgpu', 6 * GB, 'int4'],
  ])('%s', (_, config, provider, memory, expected) => {
    const { precision, note } = chooseForm('auto', config, { provider, memory });
    expect(precision).toBe(expected);
    const first = chooseForm('auto', config, { provider }).precision;
    if (precision === first) expect(note).toBeUndefined();
    else
      expect(note).toMatch(
        new RegExp(`^precision ${precision}, since ${first} takes about .* GB are free$`),
      );
  });

  it('takes the smallest where nothing fits, and says that it may not fit', () => {
    const { precision, note } = chooseForm('auto', LLAMA_8B, { provider: 'cpu', memory: GB });
    expect(precision).toBe('int4');
    expect(note).toMatch(/may not fit either$/);
  });

  it('is not asked where a precision is given', () => {
    expect(chooseForm('float32', LLAMA_8B, { provider: 'cpu', memory: GB }).precision).toBe(
      'float32',
    );
  });
});

describe('formOf', () => {
  it('keeps the graphs of tiles for what the CPU had before', () => {
    expect(formOf('float32', 'cpu', LLAMA_8B)).toEqual({ precision: 'float32' });
    expect(formOf('int8', 'cpu', LLAMA_8B)).toEqual({ precision: 'int8' });
    expect(isForCpu(formOf('int8', 'cpu', LLAMA_8B))).toBe(true);
    expect(isForCpu(formOf('float32', 'cpu', LLAMA_8B))).toBe(false);
  });

  it('names what a provider runs, where it does not run what is asked for', () => {
    expect(() => formOf('float16', 'cpu', LLAMA_8B)).toThrow(
      'precision float16: cpu runs float32, int8, int4',
    );
    expect(() => formOf('bfloat16', 'webgpu', LLAMA_8B)).toThrow(
      'precision bfloat16: webgpu runs float32, int8, int4',
    );
    expect(precisionsOf('cuda', LLAMA_8B)).toEqual([
      'float32',
      'float16',
      'bfloat16',
      'int8',
      'int4',
    ]);
  });

  it('keeps the residual stream of a Gemma in float32 beside float16 linear layers', () => {
    expect(formOf('int8', 'cuda', GEMMA_27B).variant).toMatchObject({
      activations: 'float16',
      residual: 'float32',
      attention: 'fused',
    });
    expect(formOf('int8', 'cuda', LLAMA_8B).variant).toMatchObject({ residual: 'float16' });
  });

  it('spells attention out where a cap of logits would be ignored', () => {
    expect(formOf('int8', 'webgpu', GEMMA_27B).variant?.attention).toBe('spelled');
    expect(formOf('int8', 'webgpu', LLAMA_8B).variant?.attention).toBe('fused');
  });

  it('counts weights as GPU.md does', () => {
    const of = (precision: 'float16' | 'int8' | 'int4', config: ModelConfig): number =>
      bytesOf(formOf(precision, 'cuda', config), config, 'cuda') / GB;
    expect(of('float16', LLAMA_8B)).toBeCloseTo(14.0, 0);
    expect(of('int8', LLAMA_8B)).toBeCloseTo(7.4, 0);
    expect(of('int4', LLAMA_8B)).toBeCloseTo(3.9, 0);
    expect(of('float16', GEMMA_27B)).toBeCloseTo(52.5, 0);
  });
});
