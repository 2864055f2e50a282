import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelConfig } from '../model/checkpoint/config.js';
import { writeSafetensors, type TensorToWrite } from '../model/checkpoint/safetensors-write.js';
import { Safetensors } from '../model/checkpoint/safetensors.js';
import { exists, readJson, writeFolder, type Json } from '../model/files.js';
import { HEADS_TENSORS, writeHeads } from '../model/heads/heads-files.js';
import type { QrmHeads } from '../model/heads/heads.js';
import type { TrainBackbone } from './features/backbone.js';

const INDEX = 'model.safetensors.index.json';
/** Of one file of weights; as transformers splits them. */
const MAX_SHARD = 5e9;

/**
 * Writes backbone and heads as one folder in the layout of the published QRMs: config.json, safetensors in
 * float32, tokenizer. Code that loads those loads this.
 * @throws Error when the folder holds anything but an older checkpoint, or the backbone has no such config
 */
export async function writeCheckpoint(
  backbone: TrainBackbone,
  heads: QrmHeads,
  folder: string,
  texts: Readonly<Record<string, string>>,
): Promise<void> {
  await requireOlderCheckpoint(folder);
  const config = await configOf(backbone, heads);
  await writeFolder(
    folder,
    async (draft) => {
      await writeFile(join(draft, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
      for (const [name, text] of Object.entries({ ...backbone.tokenizer.files(), ...texts })) {
        await writeFile(join(draft, name), text);
      }
      await writeTensors(backbone, heads, draft);
    },
    () => Promise.resolve(true),
  );
}

/** @throws Error when a folder holds anything but an older checkpoint */
export async function requireOlderCheckpoint(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => [] as string[]);
  if (names.length > 0 && !names.includes('config.json')) {
    throw new Error(`${folder}: holds other files and no config.json; choose a new folder`);
  }
}

async function writeTensors(
  backbone: TrainBackbone,
  heads: QrmHeads,
  folder: string,
): Promise<void> {
  const { source, config } = backbone;
  const tensors: TensorToWrite[] = [];
  for (const name of source.names()) {
    const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
    if (!name.startsWith('model.') || Number(layer ?? 0) >= config.layers) continue;
    const { shape } = source.info(name);
    const byteLength = 4 * shape.reduce((a, b) => a * b, 1);
    tensors.push({ name, dtype: 'F32', shape, byteLength, data: () => source.readFloat32(name) });
  }
  // The heads by their own writer, in a folder that goes again.
  const apart = join(folder, 'heads');
  await mkdir(apart);
  await writeHeads(heads, apart);
  const own = await Safetensors.openFiles([join(apart, HEADS_TENSORS)]);
  try {
    for (const name of own.names()) {
      const { shape, byteLength } = own.info(name);
      const values = await own.readFloat32(name);
      tensors.push({ name, dtype: 'F32', shape, byteLength, data: () => values });
    }
  } finally {
    await own.close();
  }
  const shards: TensorToWrite[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    if (size > 0 && size + tensor.byteLength > MAX_SHARD) {
      shards.push([]);
      size = 0;
    }
    size += tensor.byteLength;
    shards.at(-1)!.push(tensor);
  }
  const five = (n: number): string => String(n).padStart(5, '0');
  const map: Record<string, string> = {};
  for (const [i, shard] of shards.entries()) {
    const file =
      shards.length === 1
        ? 'model.safetensors'
        : `model-${five(i + 1)}-of-${five(shards.length)}.safetensors`;
    for (const { name } of shard) map[name] = file;
    await writeSafetensors(join(folder, file), shard, { format: 'pt' });
  }
  if (shards.length > 1) {
    const total_size = tensors.reduce((sum, t) => sum + t.byteLength, 0);
    const index = { metadata: { total_size }, weight_map: map };
    await writeFile(join(folder, INDEX), JSON.stringify(index, null, 2));
  }
  await rm(apart, { recursive: true });
}

/** config.json: the backbone's own where it has one, else that of a Llama; with the heads' fields. */
async function configOf(backbone: TrainBackbone, heads: QrmHeads): Promise<Json> {
  const { path, config } = backbone;
  const file = join(path, 'config.json');
  const base = (await exists(file)) ? await readJson(file) : llamaConfig(config, path);
  const [architecture = 'LlamaForCausalLM'] = (base['architectures'] ?? []) as string[];
  const { attributes, levels } = heads.spec;
  const hidden = heads.gating.slice(0, -1);
  return {
    ...base,
    architectures: [architecture.replace(/(For.*|Model)?$/, 'ForRewardModelWithGating')],
    num_hidden_layers: config.layers,
    num_labels: attributes.length,
    num_objectives: attributes.length,
    num_quantiles: levels.length,
    ...(heads.gating.length > 0
      ? {
          gating_temperature: heads.temperature,
          gating_n_hidden: hidden.length,
          ...(hidden[0] ? { gating_hidden_dim: hidden[0].outputs } : {}),
        }
      : { attribute_weights: [...heads.attributeWeights!] }),
    id2label: Object.fromEntries(attributes.map((name, i) => [i, name])),
    label2id: Object.fromEntries(attributes.map((name, i) => [name, i])),
    torch_dtype: 'float32',
  };
}

function llamaConfig(config: ModelConfig, path: string): Json {
  if (config.architecture !== 'llama' || config.rope.scaling) {
    throw new Error(
      `${path}: --checkpoint needs a Hugging Face folder for this architecture (config.json), or a Llama without rope scaling`,
    );
  }
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    hidden_act: 'silu',
    max_position_embeddings: config.maxPositions,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.rope.theta,
    rope_scaling: null,
    attention_bias: config.attentionBias,
    mlp_bias: config.mlpBias,
    tie_word_embeddings: true,
  };
}
