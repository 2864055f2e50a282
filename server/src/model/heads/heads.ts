import type { QrmSpec } from '../../qrm/types.js';
import type { TensorSource } from '../checkpoint/safetensors.js';

/** BatchNorm1d in evaluation: y = (x - mean) / sqrt(variance + eps) * weight + bias, per channel. */
export interface BatchNorm {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

/** A linear layer [outputs, inputs]. All but the last are followed by ReLU, then by `batchNorm`. */
export interface GatingLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row-major [outputs, inputs]. */
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  readonly batchNorm?: BatchNorm;
}

/** Everything after the backbone, as the checkpoint holds it. */
export interface QrmHeads {
  readonly spec: QrmSpec;
  readonly hiddenSize: number;
  /** Row m*K+k: the weights of attribute m's quantile k. Row-major [M*K, hiddenSize]; empty for categorical heads. */
  readonly regression: Float32Array;
  /** What stands in for `regression` in heads that give probabilities of bins. */
  readonly categorical?: Categorical;
  /**
   * The gate, first layer first; empty where `attributeWeights` stands in for it.
   * weights = softmax(logits / temperature) * logitScale.
   */
  readonly gating: readonly GatingLayer[];
  readonly temperature: number;
  /** Length 1 or M. */
  readonly logitScale: Float32Array;
  /** Fixed weights of a model without a gate, length M. */
  readonly attributeWeights?: Float32Array;
  /** T [M, M], row-major: adjusted[n,k] = sum_m raw[m,k] T[m,n]. */
  readonly transform?: Float32Array;
  /** Added to the products with `regression`, length M*K; there is no T then. */
  readonly bias?: Float32Array;
  /** Which token the reward's feature is, where it is not simply the last. */
  readonly reward?: RewardToken;
}

/**
 * Heads that give each attribute a probability for each of its bins, the values 0 to 1 in equal steps, and
 * read the gate at the reward's token (LDL-Reward): categorical-heads.ts. Its K quantiles are at the levels
 * (k - 1/2)/K, each the mean of the quantile function over its K-th part.
 */
export interface Categorical {
  readonly bins: number;
  /** To M * bins logits, LeakyReLU between. */
  readonly layers: readonly GatingLayer[];
  /** Whether the gate's outputs are divided by the temperature and made to sum to 1; else they are the weights. */
  readonly softmax: boolean;
}

/**
 * The rightmost token other than `skipped` (transformers' rule for `*ForSequenceClassification`), or the one
 * before the first `before` (that of transformers before 4.50, which other models keep), where there is one.
 */
export interface RewardToken {
  readonly skipped?: number;
  readonly before?: number;
}

/** Which tokens the heads read: what `ChatTokenizer.paths` takes. */
export function positionsOf(heads: QrmHeads): RewardToken & { gated: boolean } {
  return { gated: heads.gating.length > 0 && heads.categorical === undefined, ...heads.reward };
}

/** The eps of torch's BatchNorm1d, which checkpoints do not store. */
export const BATCH_NORM_EPS = 1e-5;
/** The published code's default for `gating_temperature`. */
const DEFAULT_TEMPERATURE = 10;

type Json = Readonly<Record<string, unknown>>;

/** Levels tau_k = k/(K+1), k = 1..K. */
export function quantileLevels(count: number): number[] {
  return Array.from({ length: count }, (_, i) => (i + 1) / (count + 1));
}

/** Whether the file holds QRM heads at all: a plain language model does not. */
export function hasHeads(source: TensorSource): boolean {
  return source.has('regression_layer.weight');
}

/**
 * Reads heads in the published layout: `regression_layer.weight`, `gating.layers.*`,
 * `gating.logit_scale`, `reward_transform_matrix`, and the sizes and names from `json` (a model's
 * config.json, or a bundle's heads.json): num_objectives, num_quantiles, gating_temperature, id2label,
 * and attribute_weights where there is no gate. ArmoRM is the case num_quantiles = 1.
 * @param file the JSON's path, for errors
 * @throws Error naming file, field or tensor, and what was expected
 */
export async function readHeads(
  source: TensorSource,
  json: Json,
  hiddenSize: number,
  file: string,
): Promise<QrmHeads> {
  const read = (name: string, ...shape: number[]): Promise<Float32Array> =>
    readShaped(source, name, shape);
  const objectives = count(json, 'num_objectives', file);
  const quantiles = count(json, 'num_quantiles', file, 1);
  const regression = await read('regression_layer.weight', objectives * quantiles, hiddenSize);
  const transform = source.has('reward_transform_matrix')
    ? await read('reward_transform_matrix', objectives, objectives)
    : undefined;
  const common = {
    spec: {
      attributes: attributeNames(json, objectives),
      levels: quantileLevels(quantiles),
      ...(json['equal_weights'] === true ? { equalWeights: true } : {}),
    },
    hiddenSize,
    regression,
    transform,
    ...(source.has('regression_layer.bias')
      ? { bias: await read('regression_layer.bias', objectives * quantiles) }
      : {}),
    ...rewardToken(json),
  };
  const gating = await readGating(source, hiddenSize, objectives);
  if (gating.length === 0) {
    const attributeWeights = fixedWeights(json, objectives, file);
    return {
      ...common,
      gating,
      attributeWeights,
      temperature: 1,
      logitScale: Float32Array.of(1),
    };
  }
  const temperature = json['gating_temperature'] ?? DEFAULT_TEMPERATURE;
  if (typeof temperature !== 'number' || !(temperature > 0)) {
    throw bad(file, 'gating_temperature', temperature, 'a number above 0');
  }
  return { ...common, gating, temperature, logitScale: await readLogitScale(source, objectives) };
}

/**
 * The gate's layers in the order of their numbers. The published QRM numbers Linear, ReLU and
 * BatchNorm1d of a Sequential; ArmoRM numbers the Linears alone. A matrix is a Linear, a vector with
 * running statistics the BatchNorm of the Linear before it.
 */
async function readGating(
  source: TensorSource,
  hiddenSize: number,
  objectives: number,
): Promise<GatingLayer[]> {
  const numbers = source
    .names()
    .map((name) => /^gating\.layers\.(\d+)\.weight$/.exec(name)?.[1])
    .filter((n) => n !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
  const layers: GatingLayer[] = [];
  let inputs = hiddenSize;
  for (const number of numbers) {
    const p = `gating.layers.${number}`;
    const { shape, file } = source.info(`${p}.weight`);
    if (shape.length === 1) {
      const last = layers.at(-1);
      if (last === undefined || last.batchNorm !== undefined) {
        throw new Error(`${file}: tensor "${p}.weight" is a norm without a linear layer before it`);
      }
      const batchNorm = {
        weight: await readShaped(source, `${p}.weight`, [inputs]),
        bias: await readShaped(source, `${p}.bias`, [inputs]),
        mean: await readShaped(source, `${p}.running_mean`, [inputs]),
        variance: await readShaped(source, `${p}.running_var`, [inputs]),
      };
      layers[layers.length - 1] = { ...last, batchNorm };
      continue;
    }
    const isLast = number === numbers.at(-1);
    const outputs = isLast ? objectives : (shape[0] ?? 0);
    layers.push(await readLinear(source, p, inputs, outputs));
    inputs = outputs;
  }
  if (layers.length > 0 && (layers.at(-1)!.batchNorm || inputs !== objectives)) {
    throw new Error(
      `${source.info(`gating.layers.${numbers.at(-1)}.weight`).file}: the last of gating.layers ` +
        `must be a linear layer with ${objectives} outputs (num_objectives)`,
    );
  }
  return layers;
}

async function readLogitScale(source: TensorSource, objectives: number): Promise<Float32Array> {
  const name = 'gating.logit_scale';
  if (!source.has(name)) return Float32Array.of(1);
  const { shape, file } = source.info(name);
  const size = shape.reduce((a, b) => a * b, 1);
  if (size !== 1 && size !== objectives) throw wrongShape(file, name, shape, [objectives]);
  return source.readFloat32(name);
}

/** A linear layer y = W x + b from `name.weight` [outputs, inputs] and, where it is there, `name.bias` [outputs]. */
export async function readLinear(
  source: TensorSource,
  name: string,
  inputs: number,
  outputs = source.info(`${name}.weight`).shape[0] ?? 0,
): Promise<GatingLayer> {
  const weight = await readShaped(source, `${name}.weight`, [outputs, inputs]);
  const bias = source.has(`${name}.bias`)
    ? await readShaped(source, `${name}.bias`, [outputs])
    : undefined;
  return { inputs, outputs, weight, bias };
}

async function readShaped(
  source: TensorSource,
  name: string,
  expected: readonly number[],
): Promise<Float32Array> {
  const { shape, file } = source.info(name);
  if (shape.length !== expected.length || shape.some((n, i) => n !== expected[i])) {
    throw wrongShape(file, name, shape, expected);
  }
  return source.readFloat32(name);
}

function wrongShape(
  file: string,
  name: string,
  shape: readonly number[],
  expected: readonly number[],
): Error {
  return new Error(
    `${file}: tensor "${name}" has shape [${shape.join(', ')}], expected [${expected.join(', ')}]`,
  );
}

export function bad(file: string, field: string, found: unknown, expected: string): Error {
  const shown = JSON.stringify(found) ?? 'nothing';
  return new Error(`${file}: "${field}" is ${shown.slice(0, 80)}; expected ${expected}`);
}

export function count(json: Json, field: string, file: string, fallback?: number): number {
  const value = json[field] ?? fallback;
  if (!Number.isInteger(value) || (value as number) < 1) {
    throw bad(file, field, value, 'a whole number above 0');
  }
  return value as number;
}

/** Names from id2label; torch's own placeholders (LABEL_0) and gaps become `attribute-0`. */
export function attributeNames(json: Json, objectives: number): string[] {
  const labels = (json['id2label'] ?? {}) as Readonly<Record<string, unknown>>;
  return Array.from({ length: objectives }, (_, i) => {
    const label = labels[String(i)];
    return typeof label === 'string' && !/^LABEL_\d+$/.test(label) ? label : `attribute-${i}`;
  });
}

/** A bundle's heads.json says so where a score head was converted. */
export function rewardToken(json: Json): { reward?: RewardToken } {
  const rule = json['reward_token'];
  if (typeof rule !== 'object' || rule === null) return {};
  const { rightmost_not: skipped, before_first: before } = rule as Record<string, number>;
  return {
    reward: {
      ...(skipped === undefined ? {} : { skipped }),
      ...(before === undefined ? {} : { before }),
    },
  };
}

function fixedWeights(json: Json, objectives: number, file: string): Float32Array {
  const value = json['attribute_weights'] ?? (objectives === 1 ? [1] : undefined);
  if (
    !Array.isArray(value) ||
    value.length !== objectives ||
    !value.every((x) => Number.isFinite(x))
  ) {
    throw bad(
      file,
      'attribute_weights',
      value,
      `${objectives} numbers, since the model has no gate (no tensors gating.layers.*)`,
    );
  }
  return Float32Array.from(value as number[]);
}
