import { link, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { BACKBONE, BACKBONE_DATA } from '../format/manifest.js';
import type { ModelConfig } from '../../checkpoint/config.js';
import { convertFloat32, type ConvertOptions } from '../../graph/convert-weights.js';
import type { TensorIndex } from '../../graph/tensor-file.js';
import type { Precision } from '../../../protocol/index.js';
import type { ChatTokenizer } from '../../tokenizer/chat-tokenizer.js';
import { convertInt8 } from '../../int8/convert-int8.js';
import type { Calibration } from '../../int8/layer-calibration.js';
import { requireSpace } from '../../files.js';
import { buildBackbone } from '../../graph/backbone.js';
import { Int8Weights } from '../../graph/int8-weights.js';
import { FloatWeights } from '../../graph/weights.js';
import { writePaths } from '../../graph/paths/file.js';
import type { Variant } from '../../graph/paths/variants.js';
import { formOf, linearWeights, type Form } from './form.js';
import { writePrefix } from './prefix.js';
import type { TensorSource } from '../../checkpoint/safetensors.js';

export interface BackboneSource {
  /** For errors. */
  readonly path: string;
  readonly config: ModelConfig;
  readonly source: TensorSource;
  /** An int8 conversion calibrates itself on chats in the model's own template. */
  readonly tokenizer: ChatTokenizer;
  /** That calibration, where the bundle keeps it. */
  readonly calibration?: Calibration;
}

/** A weights file used in place: the link in our folder, and what tells whether the file changed. */
export interface LinkedFile {
  readonly file: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * Writes `backbone.onnx` and its weights into a folder, tensor by tensor. With `inPlace`, float32
 * safetensors are not copied but hard-linked: ONNX Runtime refuses external data outside the model's
 * folder and behind symbolic links, and reads tensors at any offset.
 * @returns the linked files; empty when all weights were written
 */
export async function writeBackbone(
  { path, config, source, tokenizer, calibration }: BackboneSource,
  form: Form | Precision,
  folder: string,
  options: ConvertOptions & { inPlace?: boolean } = {},
): Promise<LinkedFile[]> {
  checkTensors(source, config, path);
  const { precision, variant } = typeof form === 'string' ? formOf(form, 'cpu', config) : form;
  if (variant !== undefined) {
    await requireSpace(folder, await pathsBytes(folder, source, config, variant));
    await writePrefix(folder, []);
    const names = { graph: BACKBONE, data: BACKBONE_DATA };
    await writePaths(source, config, variant, folder, names, options);
    return [];
  }
  const linked: LinkedFile[] = [];
  let index: TensorIndex = {};
  let rest = source;
  if (precision === 'float32' && options.inPlace) {
    index = await linkWeights(source, config, folder, linked);
    rest = without(source, index);
  }
  const data = join(folder, BACKBONE_DATA);
  // What a conversion that is gone on with has written is there.
  const there = (await stat(data).catch(() => undefined))?.size ?? 0;
  await requireSpace(folder, convertedBytes(rest, config, precision) - there);
  if (precision === 'int8') {
    const model = { source: rest, config, tokenizer, calibration };
    const int8 = await convertInt8(model, data, BACKBONE_DATA, options);
    index = int8.index;
    await writePrefix(folder, int8.prefix);
  } else {
    await writePrefix(folder, []);
    index = { ...index, ...(await convertFloat32(rest, config, data, BACKBONE_DATA, options)) };
  }
  const Weights = precision === 'int8' ? Int8Weights : FloatWeights;
  const model = buildBackbone(config, new Weights(config, (name) => index[name]));
  await writeFile(join(folder, BACKBONE), model);
  return linked;
}

/** Hard-links the files of the tensors that can be used as they are; none where links are impossible. */
async function linkWeights(
  source: TensorSource,
  config: ModelConfig,
  folder: string,
  linked: LinkedFile[],
): Promise<TensorIndex> {
  const index: TensorIndex = {};
  const links = new Map<string, string | undefined>();
  for (const name of source.names()) {
    const { dtype, shape, file, offset, byteLength } = source.info(name);
    const adjusted = config.normPlusOne && name.endsWith('norm.weight');
    if (dtype !== 'F32' || adjusted || !name.startsWith('model.')) continue;
    if (!links.has(file)) {
      const name = `weights-${links.size + 1}${extname(file)}`;
      // Another disk, another owner or a file system without links: these tensors are copied.
      await rm(join(folder, name), { force: true });
      const made = await link(await realpath(file), join(folder, name)).then(
        () => true,
        () => false,
      );
      links.set(file, made ? name : undefined);
      const { size, mtimeMs } = await stat(file);
      if (made) linked.push({ file: name, size, mtimeMs });
    }
    const local = links.get(file);
    if (local) index[name] = { dtype: 'float32', shape, file: local, offset, byteLength };
  }
  return index;
}

function without(source: TensorSource, index: TensorIndex): TensorSource {
  const names = source.names().filter((name) => !Object.hasOwn(index, name));
  return {
    names: () => names,
    has: (name) => names.includes(name),
    info: (name) => source.info(name),
    readFloat32: (name) => source.readFloat32(name),
    readRows: source.readRows && ((name, from, to) => source.readRows!(name, from, to)),
    close: () => source.close(),
  };
}

/** Bytes that the conversion for a graph of paths has still to write. */
async function pathsBytes(
  folder: string,
  source: TensorSource,
  config: ModelConfig,
  variant: Variant,
): Promise<number> {
  const { bits, activations } = variant;
  const float = activations === 'float32' ? 4 : 2;
  const weight = bits === undefined ? float : bits / 8 + float / 32;
  const embedding = source.info('model.embed_tokens.weight');
  const half = embedding.dtype === 'F16' || embedding.dtype === 'BF16';
  const table = config.vocabSize * config.hiddenSize * (half ? 2 : 4);
  const done = (await stat(join(folder, BACKBONE_DATA)).catch(() => undefined))?.size ?? 0;
  return weight * linearWeights(config) + table + 8192 * 12 * config.layers - done;
}

/** Bytes that a conversion writes, alignment aside. */
function convertedBytes(source: TensorSource, config: ModelConfig, precision: Precision): number {
  let bytes = 0;
  for (const name of source.names()) {
    const layer = /^model\.layers\.(\d+)\.(.*)/.exec(name);
    if (!name.startsWith('model.') || (layer && Number(layer[1]) >= config.layers)) continue;
    const size = source.info(name).shape.reduce((a, b) => a * b, 1);
    bytes += size * (precision === 'float32' || !layer ? 4 : 1);
  }
  // 4 KiB of alignment for each tensor, and int8's inverse rotation.
  const rotation = precision === 'int8' ? 8 * config.hiddenSize ** 2 : 0;
  return bytes + rotation + 4096 * source.names().length;
}

/**
 * Every tensor that the config implies, with its shape, before anything is written.
 * @throws Error naming file, tensor and shape
 */
function checkTensors(source: TensorSource, config: ModelConfig, path: string): void {
  for (const [name, expected] of expectedTensors(config)) {
    if (!source.has(name)) {
      throw new Error(`${path}: no tensor "${name}", which config.json implies`);
    }
    const { shape, file } = source.info(name);
    if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
      throw new Error(
        `${file}: tensor "${name}" has shape [${shape.join(', ')}], expected [${expected.join(', ')}]`,
      );
    }
  }
}

function* expectedTensors(config: ModelConfig): Generator<[string, number[]]> {
  const { hiddenSize: H, intermediateSize: F, heads, kvHeads, headDim } = config;
  const Q = heads * headDim;
  const KV = kvHeads * headDim;
  const linears: [string, number, number, boolean][] = [
    ['self_attn.q_proj', Q, H, config.attentionBias],
    ['self_attn.k_proj', KV, H, config.attentionBias],
    ['self_attn.v_proj', KV, H, config.attentionBias],
    ['self_attn.o_proj', H, Q, config.outputBias ?? config.attentionBias],
    ['mlp.gate_proj', F, H, config.mlpBias],
    ['mlp.up_proj', F, H, config.mlpBias],
    ['mlp.down_proj', H, F, config.mlpBias],
  ];
  const norms = ['input_layernorm', 'post_attention_layernorm'];
  if (config.sandwichNorms) norms.push('pre_feedforward_layernorm', 'post_feedforward_layernorm');
  yield ['model.embed_tokens.weight', [config.vocabSize, H]];
  for (let layer = 0; layer < config.layers; layer++) {
    const p = `model.layers.${layer}`;
    for (const norm of norms) yield [`${p}.${norm}.weight`, [H]];
    if (config.qkNorm) {
      for (const norm of ['q_norm', 'k_norm']) yield [`${p}.self_attn.${norm}.weight`, [headDim]];
    }
    for (const [name, outputs, inputs, bias] of linears) {
      yield [`${p}.${name}.weight`, [outputs, inputs]];
      if (bias) yield [`${p}.${name}.bias`, [outputs]];
    }
  }
  yield ['model.norm.weight', [H]];
}
