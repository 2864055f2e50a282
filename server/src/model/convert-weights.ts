import { open, type FileHandle } from 'node:fs/promises';
import type { ModelConfig } from './config.js';
import type { DataTypeName } from './graph/onnx-schema.js';
import type { ExternalTensor } from './graph/builder.js';
import { Rotation, transpose } from './hadamard.js';
import type { TensorSource } from './safetensors.js';

export type Precision = 'float32' | 'int8';

/** The tensors of a converted weights file, by name. */
export type TensorIndex = Record<string, ExternalTensor>;

export interface ConvertOptions {
  /** Called with the fraction done, 0..1. */
  readonly onProgress?: (fraction: number) => void;
  readonly signal?: AbortSignal;
}

/** ORT maps external data by pages. */
const ALIGNMENT = 4096;

/** Appends tensors to one file at aligned offsets and remembers where each lies. */
class TensorFileWriter {
  readonly index: TensorIndex = {};
  #position = 0;

  private constructor(
    private readonly handle: FileHandle,
    private readonly file: string,
  ) {}

  static async create(path: string, file: string): Promise<TensorFileWriter> {
    return new TensorFileWriter(await open(path, 'w'), file);
  }

  async add(
    name: string,
    dtype: DataTypeName,
    shape: readonly number[],
    data: ArrayBufferView,
  ): Promise<void> {
    const offset = Math.ceil(this.#position / ALIGNMENT) * ALIGNMENT;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // One write is at most 2 GiB, and an embedding table can be larger.
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, 1 << 28);
      done += (await this.handle.write(bytes, done, length, offset + done)).bytesWritten;
    }
    this.#position = offset + bytes.length;
    this.index[name] = { dtype, shape, file: this.file, offset, byteLength: bytes.length };
  }

  async close(): Promise<void> {
    await this.handle.sync();
    await this.handle.close();
  }
}

/**
 * Writes every weight of a backbone as float32 in Hugging Face's layout [out, in]; Gemma's norms with
 * their +1 applied.
 */
export async function convertFloat32(
  source: TensorSource,
  config: ModelConfig,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<TensorIndex> {
  const names = source.names().filter((n) => isBackboneTensor(n, config));
  const writer = await TensorFileWriter.create(path, file);
  try {
    for (const [i, name] of names.entries()) {
      options.signal?.throwIfAborted();
      const data = await source.readFloat32(name);
      if (config.normPlusOne && /norm\.weight$/.test(name))
        for (let j = 0; j < data.length; j++) data[j]! += 1;
      await writer.add(name, 'float32', source.info(name).shape, data);
      options.onProgress?.((i + 1) / names.length);
    }
  } finally {
    await writer.close();
  }
  return writer.index;
}

function isBackboneTensor(name: string, config: ModelConfig): boolean {
  if (name === 'model.embed_tokens.weight' || name === 'model.norm.weight') return true;
  const layer = /^model\.layers\.(\d+)\./.exec(name);
  return layer !== null && Number(layer[1]) < config.layers;
}

/** Whether int8 conversion fits this model: a Llama without biases; others run in float32. */
export function supportsInt8(config: ModelConfig): boolean {
  return config.architecture === 'llama' && !config.attentionBias && !config.mlpBias;
}

/**
 * Layers whose down projection stays float32: the first three and the last two, where a few massive
 * activations live (Sun et al. 2024); together they made most of the int8 error, and the very last
 * one runs at the wanted positions only.
 */
export function keepsFloatDown(layer: number, layers: number): boolean {
  return layer < Math.min(3, layers) || layer >= layers - 2;
}

/**
 * Rotates the residual stream (hadamard.ts) and each value head, folds the norms' weights into the
 * linears after them, and quantises these to int8 with one scale for each output column. In exact
 * arithmetic the rotated model equals the original.
 */
export async function convertInt8(
  source: TensorSource,
  config: ModelConfig,
  path: string,
  file: string,
  options: ConvertOptions = {},
): Promise<TensorIndex> {
  const { hiddenSize: H, heads, kvHeads, headDim: D, layers } = config;
  const residual = new Rotation(H);
  const value = new Rotation(D);
  const writer = await TensorFileWriter.create(path, file);
  const yieldToLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  /** Weight [out, H] that reads the normed residual: norm weight folded in, input rotated. */
  const reader = async (name: string, norm: Float32Array): Promise<Float32Array> => {
    const w = await source.readFloat32(`${name}.weight`);
    for (let i = 0; i < w.length; i++) w[i]! *= norm[i % H]!;
    residual.applyToRows(w);
    return w;
  };
  /** Weight [H, in] that writes to the residual, returned transposed [in, H] with its output rotated. */
  const writerTo = (w: Float32Array, inputs: number): Float32Array => {
    const t = transpose(w, H, inputs);
    residual.applyToRows(t);
    return t;
  };
  /** Quantises [in, out] by columns. */
  const addQuantized = async (
    name: string,
    w: Float32Array,
    inputs: number,
    outputs: number,
  ): Promise<void> => {
    const scale = new Float32Array(outputs);
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        scale[o] = Math.max(scale[o]!, Math.abs(w[i * outputs + o]!));
    for (let o = 0; o < outputs; o++) scale[o] = Math.max(scale[o]!, 1e-12) / 127;
    const q = new Int8Array(w.length);
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        q[i * outputs + o] = Math.round(w[i * outputs + o]! / scale[o]!);
    await writer.add(`${name}.q`, 'int8', [inputs, outputs], q);
    await writer.add(`${name}.scale`, 'float32', [outputs], scale);
  };

  try {
    const embedding = await source.readFloat32('model.embed_tokens.weight');
    const slice = H * 2048;
    for (let at = 0; at < embedding.length; at += slice) {
      residual.applyToRows(embedding.subarray(at, at + slice));
      await yieldToLoop();
    }
    await writer.add('model.embed_tokens.weight', 'float32', [embedding.length / H, H], embedding);
    for (let layer = 0; layer < layers; layer++) {
      options.signal?.throwIfAborted();
      const p = `model.layers.${layer}`;
      const attentionNorm = await source.readFloat32(`${p}.input_layernorm.weight`);
      const mlpNorm = await source.readFloat32(`${p}.post_attention_layernorm.weight`);
      const q = await reader(`${p}.self_attn.q_proj`, attentionNorm);
      const k = await reader(`${p}.self_attn.k_proj`, attentionNorm);
      const v = await reader(`${p}.self_attn.v_proj`, attentionNorm);
      // Each value head is rotated too; the output projection takes it back.
      const vT = transpose(v, kvHeads * D, H);
      value.applyToRows(vT);
      const qkv = concat([q, k, transpose(vT, H, kvHeads * D)]);
      const width = (heads + 2 * kvHeads) * D;
      await addQuantized(`${p}.self_attn.qkv_proj`, transpose(qkv, width, H), H, width);
      const o = await source.readFloat32(`${p}.self_attn.o_proj.weight`);
      value.applyToRows(o);
      await addQuantized(`${p}.self_attn.o_proj`, writerTo(o, heads * D), heads * D, H);
      await yieldToLoop();

      const inner = config.intermediateSize;
      const gate = await reader(`${p}.mlp.gate_proj`, mlpNorm);
      const up = await reader(`${p}.mlp.up_proj`, mlpNorm);
      const gateUp = concat([gate, up]);
      await addQuantized(`${p}.mlp.gate_up_proj`, transpose(gateUp, 2 * inner, H), H, 2 * inner);
      const down = writerTo(await source.readFloat32(`${p}.mlp.down_proj.weight`), inner);
      if (keepsFloatDown(layer, layers))
        await writer.add(`${p}.mlp.down_proj.weight`, 'float32', [inner, H], down);
      else await addQuantized(`${p}.mlp.down_proj`, down, inner, H);
      options.onProgress?.((layer + 1) / layers);
      await yieldToLoop();
    }
    await writer.add('rotation.inverse', 'float32', [H, H], transpose(residual.matrix(), H, H));
    await writer.add(
      'model.norm.weight',
      'float32',
      [H],
      await source.readFloat32('model.norm.weight'),
    );
  } finally {
    await writer.close();
  }
  return writer.index;
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
