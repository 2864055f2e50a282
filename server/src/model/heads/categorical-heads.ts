import type { TensorSource } from '../checkpoint/safetensors.js';
import {
  attributeNames,
  bad,
  readLinear,
  rewardToken,
  type GatingLayer,
  type QrmHeads,
} from './heads.js';

type Json = Readonly<Record<string, unknown>>;

/** Bins of an attribute: the values 0, 1/9, …, 1 (`linspace(0, 1, 10)`). */
const BINS = 10;
/** Levels (k - 1/2)/20: CVaR of the worst fifth is the mean of the lowest four, exactly. */
const LEVELS = Array.from({ length: 20 }, (_, k) => (k + 0.5) / 20);
/** The slope of torch's LeakyReLU below 0. */
export const LEAKY_SLOPE = 0.01;

const REGRESSION = /^regression_layer\.network\.(\d+)\.(weight|bias)$/;
const GATE = /^gating_layer\.network\.(\d+)\.(weight|bias)$/;

export function hasCategoricalHeads(source: TensorSource): boolean {
  return source.names().some((name) => REGRESSION.test(name));
}

/**
 * Reads the heads of LDL-Reward (Label Distribution Learning; the layout of reward-bench's
 * `models/ldlreward.py`): `regression_layer.network.*`, an MLP of the last token to attributes x 10 logits
 * whose softmax is each attribute's distribution, and `gating_layer.network.*`, an MLP of the same token to the
 * attributes' weights. From `json`, config.json or a bundle's heads.json: `num_objectives` (attributes x 10;
 * the attributes alone in heads.json), `softmax` and `temperature` of the gate, id2label, pad_token_id.
 * @param file the JSON's path, for errors
 * @throws Error naming file, field or tensor, and what was expected
 */
export async function readCategoricalHeads(
  source: TensorSource,
  json: Json,
  hiddenSize: number,
  file: string,
): Promise<QrmHeads> {
  const own = json['categorical'] as { bins?: unknown; softmax?: unknown } | undefined;
  if (own !== undefined && own.bins !== BINS) {
    throw bad(file, 'categorical', own, `{"bins": ${BINS}, "softmax": …}`);
  }
  const layers = await readMlp(source, REGRESSION, 'regression_layer', hiddenSize);
  const gating = await readMlp(source, GATE, 'gating_layer', hiddenSize);
  const logits = layers.at(-1)!.outputs;
  const M = logits / BINS;
  const where = (name: string): string => source.info(lastOf(source, name)).file;
  if (!Number.isInteger(M)) {
    throw new Error(
      `${where('regression_layer')}: "regression_layer" has ${logits} outputs; expected ${BINS} bins for each attribute`,
    );
  }
  if (gating.at(-1)!.outputs !== M) {
    throw new Error(
      `${where('gating_layer')}: "gating_layer" has ${gating.at(-1)!.outputs} outputs; expected ${M}, one for each attribute`,
    );
  }
  const said = json['num_objectives'];
  if (said !== undefined && said !== (own ? M : logits)) {
    throw bad(file, 'num_objectives', said, `${own ? M : logits}, as the tensors have them`);
  }
  const softmax = (own ? own.softmax : json['softmax']) ?? false;
  if (typeof softmax !== 'boolean') throw bad(file, 'softmax', softmax, 'true or false');
  const temperature = json[own ? 'gating_temperature' : 'temperature'] ?? 1;
  if (typeof temperature !== 'number' || !(temperature > 0)) {
    throw bad(file, 'temperature', temperature, 'a number above 0');
  }
  return {
    spec: { attributes: attributeNames(json, M), levels: LEVELS, pooled: true },
    hiddenSize,
    regression: new Float32Array(0),
    categorical: { bins: BINS, layers, softmax },
    gating,
    temperature,
    logitScale: Float32Array.of(1),
    ...(own ? rewardToken(json) : { reward: beforePad(json, file) }),
  };
}

/** The published code reads the token before the first pad token. */
function beforePad(json: Json, file: string): { before?: number } {
  const id = json['pad_token_id'] ?? undefined;
  if (id === undefined) return {};
  if (!Number.isInteger(id)) throw bad(file, 'pad_token_id', id, "a token's number or null");
  return { before: id as number };
}

function lastOf(source: TensorSource, name: string): string {
  const own = source.names().filter((n) => n.startsWith(`${name}.network.`));
  return own.at(-1)!;
}

/** The linear layers of a Sequential, in the order of their numbers; what stands between has no weights. */
async function readMlp(
  source: TensorSource,
  pattern: RegExp,
  name: string,
  hiddenSize: number,
): Promise<GatingLayer[]> {
  const numbers = new Set(
    source.names().flatMap((n) => {
      const number = pattern.exec(n)?.[1];
      return number === undefined ? [] : [Number(number)];
    }),
  );
  const layers: GatingLayer[] = [];
  let inputs = hiddenSize;
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const p = `${name}.network.${number}`;
    const layer = await readLinear(source, p, inputs);
    layers.push(layer);
    inputs = layer.outputs;
  }
  if (layers.length === 0) source.info(`${name}.network.0.weight`);
  return layers;
}
