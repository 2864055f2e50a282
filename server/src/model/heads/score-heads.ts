import type { TensorSource } from '../checkpoint/safetensors.js';
import { hasCategoricalHeads, readCategoricalHeads } from './categorical-heads.js';
import { attributeNames, hasHeads, readHeads, type QrmHeads } from './heads.js';

type Json = Readonly<Record<string, unknown>>;

const WEIGHT = 'score.weight';
const BIAS = 'score.bias';
/** Parts of a checkpoint that no reward is read from. */
const BACKBONE =
  /^(model|lm_head)\.|rotary_emb\.inv_freq$|^vision_tower\.|^multi_modal_projector\./;

/** What reads the heads that a checkpoint's own tensors hold; undefined for a language model. */
export function headReader(source: TensorSource): typeof readHeads | undefined {
  if (hasHeads(source)) return readHeads;
  if (hasCategoricalHeads(source)) return readCategoricalHeads;
  return source.has(WEIGHT) ? readScoreHead : undefined;
}

/** Tensors that belong neither to the backbone nor to a score head. */
export function otherTensors(source: TensorSource): string[] {
  return source.names().filter((name) => !BACKBONE.test(name) && name !== WEIGHT && name !== BIAS);
}

/**
 * Reads the head of a `*ForSequenceClassification`: `score.weight` [M, hidden], seldom with `score.bias`, of
 * the rightmost token that is not the pad token. One label is a Bradley-Terry logit; several are attributes,
 * which count the same for lack of anything that weighs them.
 * @param file config.json's path, for errors
 * @throws Error naming file and tensor, and what was expected
 */
async function readScoreHead(
  source: TensorSource,
  json: Json,
  hiddenSize: number,
  file: string,
): Promise<QrmHeads> {
  const info = source.info(WEIGHT);
  const [labels = 0, width] = info.shape;
  if (info.shape.length !== 2 || width !== hiddenSize || labels < 1) {
    throw new Error(
      `${info.file}: tensor "${WEIGHT}" has shape [${info.shape.join(', ')}], expected [labels, ${hiddenSize}]`,
    );
  }
  const others = otherTensors(source);
  if (others.length > 0) {
    throw new Error(
      `${info.file}: beside "${WEIGHT}" there is "${others[0]}"${others.length > 1 ? ` and ${others.length - 1} more` : ''}, ` +
        `which is no part of a ${labels === 1 ? 'Bradley-Terry' : 'regression'} head; its reward would be wrong without`,
    );
  }
  let bias: Float32Array | undefined;
  if (source.has(BIAS)) {
    const { shape, file: where } = source.info(BIAS);
    if (shape.length !== 1 || shape[0] !== labels) {
      throw new Error(
        `${where}: tensor "${BIAS}" has shape [${shape.join(', ')}], expected [${labels}]`,
      );
    }
    bias = await source.readFloat32(BIAS);
  }
  const names = attributeNames(json, labels);
  return {
    spec: {
      attributes: labels === 1 && names[0] === 'attribute-0' ? ['reward'] : names,
      levels: [0.5],
      ...(labels > 1 ? { equalWeights: true } : {}),
    },
    hiddenSize,
    regression: await source.readFloat32(WEIGHT),
    ...(bias ? { bias } : {}),
    gating: [],
    temperature: 1,
    logitScale: Float32Array.of(1),
    attributeWeights: new Float32Array(labels).fill(1 / labels),
    reward: { skipped: padToken(json, file) },
  };
}

function padToken(json: Json, file: string): number | undefined {
  const id = json['pad_token_id'] ?? undefined;
  if (id === undefined || Number.isInteger(id)) return id as number | undefined;
  throw new Error(
    `${file}: "pad_token_id" is ${JSON.stringify(id).slice(0, 80)}; expected a token's number or null`,
  );
}
