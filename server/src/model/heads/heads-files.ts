import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, parseJson, readText } from '../files.js';
import { readCategoricalHeads } from './categorical-heads.js';
import { readHeads, type GatingLayer, type QrmHeads } from './heads.js';
import {
  float32Tensor,
  writeSafetensors,
  type TensorToWrite,
} from '../checkpoint/safetensors-write.js';
import { Safetensors } from '../checkpoint/safetensors.js';

/** The two files of heads that stand apart from their backbone. */
export const HEADS_JSON = 'heads.json';
export const HEADS_TENSORS = 'heads.safetensors';

/** Writes heads in the published layout and float32, with the fields of a config.json beside. */
export async function writeHeads(heads: QrmHeads, folder: string): Promise<void> {
  const { spec, hiddenSize, gating } = heads;
  const M = spec.attributes.length;
  const tensors: TensorToWrite[] = [];
  const mlp = (name: string, layers: readonly GatingLayer[]): void => {
    for (const [i, { inputs, outputs, weight, bias }] of layers.entries()) {
      add(`${name}.network.${i}.weight`, [outputs, inputs], weight);
      add(`${name}.network.${i}.bias`, [outputs], bias);
    }
  };
  const add = (name: string, shape: number[], values: Float32Array | undefined): void => {
    if (values) tensors.push(float32Tensor(name, shape, values));
  };
  if (heads.categorical) {
    mlp('regression_layer', heads.categorical.layers);
    mlp('gating_layer', heads.gating);
  } else add('regression_layer.weight', [M * spec.levels.length, hiddenSize], heads.regression);
  add('regression_layer.bias', [M * spec.levels.length], heads.bias);
  add('reward_transform_matrix', [M, M], heads.transform);
  const published = heads.categorical ? [] : gating;
  let number = 0;
  // With norms the numbers are those of Linear, ReLU, BatchNorm1d; without, of the linear layers.
  for (const { inputs, outputs, weight, bias, batchNorm } of published) {
    add(`gating.layers.${number}.weight`, [outputs, inputs], weight);
    add(`gating.layers.${number}.bias`, [outputs], bias);
    number += batchNorm ? 2 : 1;
    if (!batchNorm) continue;
    add(`gating.layers.${number}.weight`, [outputs], batchNorm.weight);
    add(`gating.layers.${number}.bias`, [outputs], batchNorm.bias);
    add(`gating.layers.${number}.running_mean`, [outputs], batchNorm.mean);
    add(`gating.layers.${number}.running_var`, [outputs], batchNorm.variance);
    number++;
  }
  if (published.length > 0) add('gating.logit_scale', [heads.logitScale.length], heads.logitScale);
  const json = {
    hidden_size: hiddenSize,
    num_objectives: M,
    num_quantiles: spec.levels.length,
    id2label: Object.fromEntries(spec.attributes.map((name, i) => [i, name])),
    ...(gating.length > 0 ? { gating_temperature: heads.temperature } : {}),
    ...(heads.attributeWeights ? { attribute_weights: [...heads.attributeWeights] } : {}),
    ...(spec.equalWeights ? { equal_weights: true } : {}),
    ...(heads.categorical
      ? { categorical: { bins: heads.categorical.bins, softmax: heads.categorical.softmax } }
      : {}),
    ...(heads.reward
      ? { reward_token: { rightmost_not: heads.reward.skipped, before_first: heads.reward.before } }
      : {}),
  };
  await writeFile(join(folder, HEADS_JSON), `${JSON.stringify(json, null, 2)}\n`);
  await writeSafetensors(join(folder, HEADS_TENSORS), tensors, { format: 'pt' });
}

export async function hasHeadFiles(folder: string): Promise<boolean> {
  return exists(join(folder, HEADS_JSON));
}

/**
 * Reads heads.json and heads.safetensors for a backbone of the given hidden size.
 * @returns the heads, and what identifies them (the JSON's text; the tensors are small)
 * @throws Error naming file, field or tensor, and what was expected
 */
export async function readHeadFiles(
  folder: string,
  hiddenSize: number,
): Promise<{ heads: QrmHeads; identity: Record<string, string> }> {
  const file = join(folder, HEADS_JSON);
  const text = await readText(file);
  const json = parseJson(text, file);
  if (json['hidden_size'] !== undefined && json['hidden_size'] !== hiddenSize) {
    throw new Error(
      `${file}: "hidden_size" is ${JSON.stringify(json['hidden_size'])}, the backbone's is ${hiddenSize}`,
    );
  }
  const path = join(folder, HEADS_TENSORS);
  if (!(await exists(path))) throw new Error(`${path}: the file is missing`);
  const source = await Safetensors.openFiles([path]);
  try {
    const read = json['categorical'] === undefined ? readHeads : readCategoricalHeads;
    const heads = await read(source, json, hiddenSize, file);
    const identity: Record<string, string> = { [HEADS_JSON]: text };
    for (const name of source.names()) {
      const bytes = await source.readRaw(name);
      // Of what is larger than a text may be, the hash.
      identity[`heads/${name}`] =
        bytes.length > 1 << 26
          ? createHash('sha256').update(bytes).digest('hex')
          : bytes.toString('base64');
    }
    return { heads, identity };
  } finally {
    await source.close();
  }
}
