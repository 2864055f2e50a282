import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readDataset, type DatasetRow } from '../../server/src/datasets/index.js';
import { convertModel } from '../../server/src/model/bundle/bundle.js';
import type { ChatTokenizer, TokenPath } from '../../server/src/model/tokenizer/chat-tokenizer.js';
import { openCheckpoint } from '../../server/src/model/bundle/published/checkpoint.js';
import {
  float32Tensor,
  writeSafetensors,
} from '../../server/src/model/checkpoint/safetensors-write.js';
import { fetchBackbone } from '../../server/src/training/features/backbone-source.js';
import { requantize, type BlockForm } from './peers/gguf.js';

/** Sequences of token ids with the positions whose hidden states are wanted. */
export interface Sequences {
  readonly ids: readonly (readonly number[])[];
  readonly wanted: readonly (readonly number[])[];
}

export interface Backbones {
  /** Bundles of all 30 layers of SmolLM2-135M with the default model's heads. */
  readonly int8: string;
  readonly float32: string;
  /** The same weights as a Hugging Face folder, for PyTorch. */
  readonly huggingFace: string;
  /** And as llama.cpp reads them, in blocks of 8 and of 4 bits (the embedding in 8). */
  readonly gguf: Readonly<Record<BlockForm, string>>;
}

/** Made once and kept in `folder`. */
export async function prepareBackbones(folder: string, python: string): Promise<Backbones> {
  mkdirSync(folder, { recursive: true });
  const gguf = join(folder, 'SmolLM2-135M-Instruct.gguf');
  if (!existsSync(gguf)) {
    const fetched = await fetchBackbone(python);
    await copyFile(fetched.gguf, gguf);
    await rm(fetched.folder, { recursive: true, force: true });
  }
  const heads = join(import.meta.dirname, '..', 'models', 'default');
  const bundle = async (precision: 'int8' | 'float32'): Promise<string> => {
    const target = join(folder, precision);
    await convertModel(gguf, target, { precision, heads });
    return target;
  };
  const huggingFace = join(folder, 'hf');
  if (!existsSync(huggingFace)) await writeHuggingFace(gguf, heads, huggingFace);
  const inBlocks = async (form: BlockForm): Promise<string> => {
    const target = join(folder, `SmolLM2-135M-Instruct.${form}.gguf`);
    if (!existsSync(target)) await requantize(gguf, target, form);
    return target;
  };
  return {
    int8: await bundle('int8'),
    float32: await bundle('float32'),
    huggingFace,
    gguf: { Q8_0: await inBlocks('Q8_0'), Q4_0: await inBlocks('Q4_0') },
  };
}

async function writeHuggingFace(gguf: string, heads: string, folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(gguf, { heads });
  const { source, config, tokenizer } = checkpoint;
  const tensors = [];
  for (const name of source.names().filter((n) => n.startsWith('model.'))) {
    tensors.push(float32Tensor(name, source.info(name).shape, await source.readFloat32(name)));
  }
  mkdirSync(folder, { recursive: true });
  await writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: 'pt' });
  const json = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    vocab_size: config.vocabSize,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.rope.theta,
    max_position_embeddings: config.maxPositions,
    tie_word_embeddings: true,
    hidden_act: 'silu',
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(json));
  for (const [name, text] of Object.entries(tokenizer.files())) {
    writeFileSync(join(folder, name), text);
  }
  await source.close();
}

export async function firstPairs(path: string, count: number): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = [];
  for await (const event of readDataset({ path })) {
    if (event.type === 'row') rows.push(event.row);
    if (rows.length === count) break;
  }
  return rows;
}

/** Each conversation of the rows by itself, chosen then rejected. */
export function sequencesOf(rows: readonly DatasetRow[], tokenizer: ChatTokenizer): Sequences {
  const paths = rows.flatMap((row) =>
    row.conversations.flatMap((c) => tokenizer.paths(c.turns, c.targets, 8192)),
  ) as TokenPath[];
  return { ids: paths.map((p) => p.ids), wanted: paths.map((p) => [p.reward, p.gate]) };
}

/** Sequences of exactly `length` tokens: long ones cut, short ones continued by the next. */
export function equalLength(from: Sequences, length: number, count: number): Sequences {
  const ids: number[][] = [];
  for (let i = 0; ids.length < count; i++) {
    const own: number[] = [];
    for (let j = i; own.length < length; j++) own.push(...from.ids[j % from.ids.length]!);
    ids.push(own.slice(0, length));
  }
  return { ids, wanted: ids.map(() => [length - 1, length >> 1]) };
}
