import { parseGgufShardFilename } from '@huggingface/gguf';
import { existsSync } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { messageOf } from '../../../errors.js';
import type { ModelConfig } from '../config.js';
import { blockType, byteLength, dequantize } from './blocks.js';
import { ggufConfig } from './config.js';
import { readGgufHeader, type GgufMetadata, type GgufTensor } from './metadata.js';
import { hfTensor, ROPE_FREQS, unpermuteRows, type Change } from './names.js';
import { ggufTokenizer, ggufTokenizerConfig, type TokenizerFiles } from './tokenizer.js';
import { readRange, type TensorInfo, type TensorSource } from '../safetensors.js';

export { dequantize } from './blocks.js';

/** A backbone in a GGUF file, as a Hugging Face checkpoint would have it. */
export interface Gguf extends TokenizerFiles {
  readonly config: ModelConfig;
  readonly source: GgufSource;
  /** The fields of a config.json that heads read. */
  readonly json: Readonly<Record<string, unknown>>;
  /** `general.name`, or the file's name. */
  readonly name: string;
  /** `general.license`, such as `apache-2.0`. */
  readonly licence?: string;
}

/** Bytes read and expanded at a time. */
const CHUNK = 4 << 20;

/**
 * Opens a GGUF file (or the first of its shards `…-00001-of-0000N.gguf`) of an architecture of names.ts.
 * The tokenizer comes from tokenizer.json beside the file, else from the metadata. The caller closes `source`.
 * @throws Error naming the file, the tensor or key, and what is supported
 */
export async function openGguf(path: string): Promise<Gguf> {
  const tensors: GgufTensor[] = [];
  let metadata: GgufMetadata | undefined;
  for (const file of shardsOf(path)) {
    const header = await readGgufHeader(file);
    metadata ??= header.metadata;
    tensors.push(...header.tensors);
  }
  const architecture = metadata!.string('general.architecture') ?? '';
  const byName = new Map(tensors.map((t) => [t.name, t]));
  const embedding = byName.get('token_embd.weight');
  if (embedding === undefined) throw new Error(`${path}: no tensor "token_embd.weight"`);
  const freqs = byName.get(ROPE_FREQS);
  const config = ggufConfig(metadata!, {
    vocabSize: embedding.shape[0]!,
    attentionBias: byName.has('blk.0.attn_q.bias'),
    mlpBias: byName.has('blk.0.ffn_up.bias'),
    ropeFactors: freqs && (await readWhole(freqs)),
  });
  const entries = new Map<string, Entry>();
  for (const tensor of tensors) {
    if (tensor.name === ROPE_FREQS) continue;
    const hf = hfTensor(architecture, tensor.name);
    if (hf === undefined) {
      throw new Error(
        `${tensor.file}: tensor "${tensor.name}" is no part of a ${architecture} model; ` +
          `supported: token_embd, output, output_norm, cls.output and blk.N.* of attention and MLP`,
      );
    }
    entries.set(hf.name, { tensor, change: hf.change });
  }
  return {
    config,
    json: headFields(metadata!, architecture),
    source: new GgufSource(entries, config, path),
    ...(await tokenizerBeside(path, metadata!)),
    name: metadata!.string('general.name') ?? basename(path).replace(/\.gguf$/i, ''),
    licence: metadata!.string('general.license'),
  };
}

/** What a config.json says of a score head. */
function headFields(metadata: GgufMetadata, architecture: string): Record<string, unknown> {
  const labels = metadata.get(`${architecture}.classifier.output_labels`);
  const pad = metadata.number('tokenizer.ggml.padding_token_id');
  return {
    ...(Array.isArray(labels) ? { id2label: Object.fromEntries(labels.entries()) } : {}),
    ...(pad === undefined ? {} : { pad_token_id: pad }),
  };
}

interface Entry {
  readonly tensor: GgufTensor;
  readonly change?: Change;
}

/** A GGUF's tensors under their Hugging Face names, with Hugging Face's row order and values. */
class GgufSource implements TensorSource {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  constructor(
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly config: ModelConfig,
    private readonly where: string,
  ) {}

  names(): string[] {
    return [...this.entries.keys()];
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  /**
   * Where a tensor's stored bytes lie. A type of plain floats has the ending `*` when the bytes are not the
   * tensor's values in order (rows to reorder, 1 to subtract), so that no one maps them as they are.
   */
  info(name: string): TensorInfo {
    const { tensor, change } = this.#entry(name);
    const { type, shape, file, offset } = tensor;
    const plain = blockType(type)!.elements === 1;
    return {
      dtype: plain && change !== undefined ? `${type}*` : type,
      shape,
      file,
      offset,
      byteLength: byteLength(type, sizeOf(tensor)),
    };
  }

  /**
   * The stored blocks of a tensor, its rows in Hugging Face's order: `dequantize(type, …)` gives its values.
   * @throws Error for a Gemma norm, whose values are not the stored ones
   */
  async readRaw(name: string): Promise<Uint8Array> {
    const { tensor, change } = this.#entry(name);
    if (change === 'plus-one') {
      throw new Error(`${tensor.file}: tensor "${tensor.name}" has no raw form; use readFloat32`);
    }
    const { file, offset, byteLength: length } = this.info(name);
    const bytes = await readRange(await this.#handle(file), offset, length, what(tensor));
    return this.#inOrder(bytes, tensor, change);
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const { tensor, change } = this.#entry(name);
    if (change === 'query-rows' || change === 'key-rows') {
      return dequantize(tensor.type, await this.readRaw(name), sizeOf(tensor));
    }
    const out = await readValues(await this.#handle(tensor.file), tensor);
    if (change === 'plus-one') for (let i = 0; i < out.length; i++) out[i]! -= 1;
    return out;
  }

  async close(): Promise<void> {
    for (const handle of this.#handles.values()) await (await handle).close();
    this.#handles.clear();
  }

  #entry(name: string): Entry {
    const entry = this.entries.get(name);
    if (entry === undefined) throw new Error(`${this.where}: no tensor "${name}"`);
    return entry;
  }

  #handle(file: string): Promise<FileHandle> {
    let handle = this.#handles.get(file);
    if (handle === undefined) this.#handles.set(file, (handle = open(file, 'r')));
    return handle;
  }

  #inOrder(bytes: Uint8Array, tensor: GgufTensor, change: Change | undefined): Uint8Array {
    if (change === undefined) return bytes;
    const heads = change === 'query-rows' ? this.config.heads : this.config.kvHeads;
    const rows = tensor.shape[0]!;
    if (rows !== heads * this.config.headDim) {
      throw new Error(
        `${what(tensor)} has ${rows} rows; expected ${heads} heads of ${this.config.headDim}`,
      );
    }
    return unpermuteRows(bytes, heads, rows);
  }
}

const sizeOf = (tensor: GgufTensor): number => tensor.shape.reduce((a, b) => a * b, 1);
const what = (tensor: GgufTensor): string => `${tensor.file}, tensor "${tensor.name}"`;

/** Reads and expands a tensor piece by piece: beside the result it takes one chunk. */
async function readValues(handle: FileHandle, tensor: GgufTensor): Promise<Float32Array> {
  const { elements, bytes } = blockType(tensor.type)!;
  const count = sizeOf(tensor);
  const out = new Float32Array(count);
  const step = Math.floor(CHUNK / bytes) * elements;
  for (let from = 0; from < count; from += step) {
    const n = Math.min(step, count - from);
    const offset = tensor.offset + (from / elements) * bytes;
    const chunk = await readRange(handle, offset, (n / elements) * bytes, what(tensor));
    dequantize(tensor.type, chunk, n, out, from);
  }
  return out;
}

async function readWhole(tensor: GgufTensor): Promise<Float32Array> {
  const handle = await open(tensor.file, 'r');
  try {
    return await readValues(handle, tensor);
  } finally {
    await handle.close();
  }
}

/** All shards when the name is that of one, else the file alone. */
function shardsOf(path: string): string[] {
  const shard = parseGgufShardFilename(basename(path));
  if (shard === null) return [path];
  const total = Number(shard.total);
  return Array.from({ length: total }, (_, i) => {
    const name = `${shard.prefix}-${String(i + 1).padStart(5, '0')}-of-${shard.total}.gguf`;
    const file = join(dirname(path), name);
    if (!existsSync(file)) throw new Error(`${path}: its shard ${name} is missing`);
    return file;
  });
}

async function tokenizerBeside(path: string, metadata: GgufMetadata): Promise<TokenizerFiles> {
  const folder = dirname(path);
  const read = async (name: string): Promise<Record<string, unknown> | undefined> => {
    const file = join(folder, name);
    if (!existsSync(file)) return undefined;
    try {
      return JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, '')) as Record<
        string,
        unknown
      >;
    } catch (error) {
      throw new Error(`${file}: expected JSON: ${messageOf(error)}`);
    }
  };
  const tokenizerJson = await read('tokenizer.json');
  if (tokenizerJson === undefined) return ggufTokenizer(metadata);
  const beside = (await read('tokenizer_config.json')) ?? {};
  const jinja = join(folder, 'chat_template.jinja');
  if (existsSync(jinja)) beside['chat_template'] = await readFile(jinja, 'utf8');
  return { tokenizerJson, tokenizerConfig: { ...ggufTokenizerConfig(metadata), ...beside } };
}
