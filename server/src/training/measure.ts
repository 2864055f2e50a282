import { extractFeatures, type ConversationGroup, type FrozenBackbone } from './features.js';
import type { GateOptions } from './gate.js';
import {
  crossValidate,
  fitHead,
  type AttributeFigures,
  type AttributeSamples,
  type HeadOptions,
} from './evaluate.js';
import { interceptError, standardise } from './intercept.js';
import { matrix, type Matrix } from './matrix.js';
import { pairSamples, trainAndJudgeGate, type GateResult } from './preferences.js';
import type { PreferencePair, RatedResponse } from './samples.js';

export interface TrainingData {
  readonly attributes: readonly {
    readonly name: string;
    readonly rows: readonly RatedResponse[];
  }[];
  readonly pairs: readonly PreferencePair[];
}

export interface TrainingOptions {
  readonly heads: HeadOptions;
  readonly headFolds: number;
  readonly gate: GateOptions;
  readonly gateFolds: number;
  readonly seed: number;
  readonly threads?: number;
  readonly say: (message: string, fraction?: number) => void;
}

/** Heads, gate and held-out figures on the features of a backbone cut after `layers` layers. */
export interface TrainedLayer {
  readonly layers: number;
  /** Of each attribute, [K, hidden], fitted on all its labels. */
  readonly heads: readonly Matrix[];
  readonly gate: GateResult;
  readonly attributes: readonly AttributeFigures[];
  /** Root mean square error of the intercept's direction on the pairs' texts, which no label came from. */
  readonly interceptError: number;
}

/** All conversations in one list: of each attribute its responses, then chosen and rejected of each pair. */
export function conversationGroups(data: TrainingData): ConversationGroup[] {
  return [
    ...data.attributes.flatMap(({ rows }) => rows.map((row) => [row.messages])),
    ...data.pairs.map(({ chosen, rejected }) => [chosen, rejected]),
  ];
}

function slice(m: Matrix, from: number, count: number): Matrix {
  return matrix(count, m.columns, m.data.subarray(from * m.columns, (from + count) * m.columns));
}

/** Runs the backbone in float32, fits heads and gate, and takes their held-out figures. */
export async function trainLayer(
  backbone: FrozenBackbone,
  layers: number,
  data: TrainingData,
  options: TrainingOptions,
): Promise<TrainedLayer> {
  const { say, seed } = options;
  const features = await extractFeatures(backbone, layers, conversationGroups(data), {
    threads: options.threads,
    onProgress: (fraction) => say(`${layers} layers: features`, fraction),
  });
  let row = 0;
  const samples = data.attributes.map(({ name, rows }): AttributeSamples => {
    const from = row;
    row += rows.length;
    return {
      name,
      features: slice(features.reward, from, rows.length),
      labels: rows.map((r) => r.labels),
      groups: rows.map((r) => r.group),
    };
  });
  const attributes = samples.map((s) => {
    say(`${layers} layers: cross-validating ${s.name}`);
    return crossValidate(s, { ...options.heads, folds: options.headFolds, seed });
  });
  const heads = samples.map((s) => {
    say(`${layers} layers: fitting ${s.name}`);
    return fitHead(s.features, s.labels, options.heads);
  });
  say(`${layers} layers: training the gate`);
  const count = 2 * data.pairs.length;
  const pairFeatures = {
    reward: slice(features.reward, row, count),
    gating: slice(features.gating, row, count),
  };
  const pairs = pairSamples(
    pairFeatures,
    heads,
    data.pairs.map((p) => p.group),
  );
  return {
    layers,
    heads,
    attributes,
    gate: trainAndJudgeGate(pairs, options.gateFolds, options.gate),
    interceptError: Math.max(
      ...samples.map((s) => interceptError(pairFeatures.reward, standardise(s.features))),
    ),
  };
}

/** The attributes' mean ratio of held-out pinball loss to the constant quantiles': below 1 is better. */
export function relativeLoss({ attributes }: Pick<TrainedLayer, 'attributes'>): number {
  return attributes.reduce((sum, a) => sum + a.pinball / a.baseline, 0) / attributes.length;
}

/** Losses this close are a draw, which the smaller and faster model wins. */
const DRAW = 0.005;

/** The layer with the lowest relative loss; among those within DRAW of it, the earliest. */
export function chooseLayer<T extends Pick<TrainedLayer, 'attributes' | 'layers'>>(
  measured: readonly T[],
): T {
  const best = Math.min(...measured.map(relativeLoss));
  const near = measured.filter((m) => relativeLoss(m) <= best + DRAW);
  return near.reduce((a, b) => (b.layers < a.layers ? b : a));
}
