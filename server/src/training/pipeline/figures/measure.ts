import {
  constantQuantiles,
  judgeHead,
  labelWeights,
} from '../../../evaluation/statistics/index.js';
import type { QrmHeads } from '../../../model/heads/heads.js';
import { uniformLevels } from '../../../qrm/index.js';
import type { TrainBackbone } from '../../features/backbone.js';
import { countsByResponse, type TrainConfig } from '../../config/config.js';
import type { FeatureStore } from '../../features/feature-store.js';
import { multiplyByTransposed, takeRows, type Matrix } from '../../matrix/matrix.js';
import type { VerbosityFit } from '../../regression/verbosity.js';
import { lengthSamples, type Chosen } from './attributes.js';
import type { TrainingFigures } from './figures.js';
import type { GateStage } from '../gate.js';
import { featuresOf, type AttributeHeads } from '../heads.js';
import type { LabelledSample, Plan } from '../sample.js';
import { judgeSources } from './sources.js';

export interface Measured {
  readonly backbone: TrainBackbone;
  readonly precision: string;
  readonly plan: Plan;
  readonly store: FeatureStore;
  readonly kept: readonly AttributeHeads[];
  readonly dropped: Chosen['dropped'];
  readonly verbosity: VerbosityFit | undefined;
  readonly gate: GateStage | undefined;
  readonly heads: QrmHeads;
}

/** The figures of a trained model, for its card: on held-out prompts where there are some. */
export async function measure(m: Measured, config: TrainConfig): Promise<TrainingFigures> {
  const { plan, store, kept, backbone, gate } = m;
  const levels = uniformLevels(config.quantiles);
  const attributes: TrainingFigures['attributes'][number][] = [];
  const notes: string[] = [];
  for (const [index, { name, head, l1, crossValidated }] of kept.entries()) {
    const samples = plan.attributes.get(name) ?? lengthSamples(plan);
    const train = samples.filter((s) => !s.heldOut);
    const test = samples.filter((s) => s.heldOut);
    if (test.length === 0) {
      notes.push(`${name}: no prompt was held out; its figures are on training responses`);
    }
    const judged = test.length > 0 ? test : train;
    const x = await featuresOf(
      store,
      judged.map((s) => s.encoded),
      'reward',
    );
    const quantiles: Matrix = multiplyByTransposed(x, head);
    const byResponse = countsByResponse(config, name);
    const judge = (rows: readonly number[], trained: readonly LabelledSample[]) => {
      const known = trained.map((s) => s.labels);
      const constant = constantQuantiles(known, levels, labelWeights(known, byResponse));
      const labels = rows.map((i) => judged[i]!.labels);
      const groups = rows.map((i) => judged[i]!.group);
      const predicted = takeRows(quantiles, rows);
      const weights = labelWeights(labels, byResponse);
      return judgeHead(name, labels, groups, predicted, constant, levels, weights);
    };
    const all = judged.map((_, i) => i);
    const sources = [...new Set(samples.map((s) => s.source))];
    const parts = sources.flatMap((source) => {
      const rows = all.filter((i) => judged[i]!.source === source);
      const trained = train.filter((s) => s.source === source);
      if (sources.length === 1 || rows.length === 0 || trained.length === 0) return [];
      return [{ ...judge(rows, trained), source, trainResponses: trained.length }];
    });
    attributes.push({
      ...judge(all, train),
      byResponse,
      parts,
      trainResponses: train.length,
      l1,
      crossValidated,
      penalty: m.verbosity?.penalties[index] ?? 0,
    });
  }
  const { layers, hiddenSize } = backbone.config;
  return {
    model: {
      name: config.name ?? `QRM on ${backbone.name}`,
      backbone: backbone.name,
      layers,
      totalLayers: backbone.totalLayers,
      precision: m.precision,
      hiddenSize,
    },
    settings: {
      levels,
      components: config.components,
      featureScale: config.featureScale,
      bandwidth: config.bandwidth,
      folds: config.folds,
      heldOut: config.heldOut,
      seed: config.seed,
      maxTokens: config.maxTokens,
      verbosity: config.verbosity,
      gate: gateInWords(config, gate),
    },
    files: plan.files,
    attributes,
    dropped: m.dropped,
    sources: await judgeSources(plan, store, m.heads, gate),
    curve: gate?.curve ?? [],
    bestEpoch: gate?.bestEpoch ?? 0,
    notes,
  };
}

function gateInWords(config: TrainConfig, gate: GateStage | undefined): string {
  if (!gate) return config.weights ? 'fixed weights' : 'no pairs: equal fixed weights';
  const g = config.gate;
  const hidden = g.hidden.length === 0 ? 'linear' : `hidden layers of ${g.hidden.join(', ')}`;
  const routing = g.routing > 0 ? `, routing loss ${g.routing}` : '';
  return (
    `${hidden}, ReLU and BatchNorm1d, softmax at temperature ${g.temperature}; Bradley-Terry loss${routing}, ` +
    `AdamW ${g.learningRate}, weight decay ${g.weightDecay}, cosine schedule, batches of ${g.batch}, ` +
    `${gate.bestEpoch} of ${g.epochs} epochs, ${gate.trainPairs} pairs`
  );
}
