import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  parseConfig,
  type ModelConfig,
} from '../../../../../server/src/model/checkpoint/config.js';
import { Safetensors } from '../../../../../server/src/model/checkpoint/safetensors.js';
import type { MetadataItem, TensorItem } from './writer.js';

export type Json = Record<string, unknown>;
export const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;
export const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** Hugging Face names to GGUF's, per architecture (gguf-py's tensor_mapping.py). */
const NAMES: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  llama: [['post_attention_layernorm', 'ffn_norm']],
  gemma2: [
    ['post_attention_layernorm', 'post_attention_norm'],
    ['pre_feedforward_layernorm', 'ffn_norm'],
    ['post_feedforward_layernorm', 'post_ffw_norm'],
  ],
};
const COMMON = [
  ['model.embed_tokens', 'token_embd'],
  ['model.norm', 'output_norm'],
  ['model.layers', 'blk'],
  ['self_attn.q_proj', 'attn_q'],
  ['self_attn.k_proj', 'attn_k'],
  ['self_attn.v_proj', 'attn_v'],
  ['self_attn.o_proj', 'attn_output'],
  ['mlp.gate_proj', 'ffn_gate'],
  ['mlp.up_proj', 'ffn_up'],
  ['mlp.down_proj', 'ffn_down'],
  ['input_layernorm', 'attn_norm'],
] as const;

/** `LlamaModel.permute` of llama.cpp's convert_hf_to_gguf.py: reshape(heads, 2, half, -1).swapaxes(1, 2). */
export function permute(values: Float32Array, rows: number, heads: number): Float32Array {
  const columns = values.length / rows;
  const half = rows / heads / 2;
  const out = new Float32Array(values.length);
  let to = 0;
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (let j = 0; j < 2; j++) {
        const from = ((head * 2 + j) * half + i) * columns;
        out.set(values.subarray(from, from + columns), to);
        to += columns;
      }
    }
  }
  return out;
}

/** A golden checkpoint's backbone as llama.cpp's converter writes it, in float32. */
export async function convertedFolder(folder: string): Promise<{
  config: ModelConfig;
  json: Json;
  /** The checkpoint's own tensors. */
  original: Map<string, { shape: readonly number[]; values: Float32Array }>;
  names: string[];
  metadata: MetadataItem[];
  tensors: TensorItem[];
}> {
  const json = read(join(folder, 'config.json'));
  const config = parseConfig(json, folder);
  const source = await Safetensors.openFolder(folder);
  const names = source.names().filter((n) => n.startsWith('model.'));
  const tensors: TensorItem[] = [];
  const original = new Map<string, { shape: readonly number[]; values: Float32Array }>();
  for (const name of names) {
    const { shape } = source.info(name);
    let values = await source.readFloat32(name);
    original.set(name, { shape, values });
    if (config.architecture === 'llama' && name.includes('q_proj')) {
      values = permute(values, shape[0]!, config.heads);
    }
    if (config.architecture === 'llama' && name.includes('k_proj')) {
      values = permute(values, shape[0]!, config.kvHeads);
    }
    if (config.architecture === 'gemma2' && name.endsWith('norm.weight')) {
      values = values.map((v) => v + 1);
    }
    let stored = name;
    for (const [hf, gguf] of [...COMMON, ...NAMES[config.architecture]!]) {
      stored = stored.replace(hf, gguf);
    }
    tensors.push({ name: stored, type: 'F32', shape, bytes: bytesOf(values) });
  }
  await source.close();
  const a = config.architecture;
  const metadata: MetadataItem[] = [
    ['general.architecture', 'STRING', a],
    ['general.name', 'STRING', 'Tiny'],
    ['general.license', 'STRING', 'mit'],
    [`${a}.block_count`, 'UINT32', config.layers],
    [`${a}.context_length`, 'UINT32', config.maxPositions],
    [`${a}.embedding_length`, 'UINT32', config.hiddenSize],
    [`${a}.feed_forward_length`, 'UINT32', config.intermediateSize],
    [`${a}.attention.head_count`, 'UINT32', config.heads],
    [`${a}.attention.head_count_kv`, 'UINT32', config.kvHeads],
    [`${a}.attention.key_length`, 'UINT32', config.headDim],
    [`${a}.attention.layer_norm_rms_epsilon`, 'FLOAT32', config.rmsNormEps],
    [`${a}.rope.freq_base`, 'FLOAT32', config.rope.theta],
    ...tokenizerMetadata(folder),
  ];
  return { config, json, original, names, metadata, tensors };
}

export function tokenizerMetadata(folder: string): MetadataItem[] {
  const json = read(join(folder, 'tokenizer.json'));
  const config = read(join(folder, 'tokenizer_config.json'));
  const model = json['model'] as { vocab: Record<string, number>; merges: [string, string][] };
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(model.vocab)) tokens[id] = token;
  const types = tokens.map(() => 1);
  for (const { id, content } of json['added_tokens'] as { id: number; content: string }[]) {
    tokens[id] = content;
    types[id] = 3;
  }
  return [
    ['tokenizer.ggml.model', 'STRING', 'gpt2'],
    ['tokenizer.ggml.pre', 'STRING', 'llama-bpe'],
    ['tokenizer.ggml.tokens', 'STRING[]', tokens],
    ['tokenizer.ggml.token_type', 'INT32[]', types],
    ['tokenizer.ggml.merges', 'STRING[]', model.merges.map((m) => m.join(' '))],
    ['tokenizer.ggml.bos_token_id', 'UINT32', tokens.indexOf(config['bos_token'] as string)],
    ['tokenizer.ggml.eos_token_id', 'UINT32', tokens.indexOf(config['eos_token'] as string)],
    ['tokenizer.chat_template', 'STRING', config['chat_template'] as string],
  ];
}
