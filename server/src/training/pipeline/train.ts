import { join } from 'node:path';
import { means } from '../../evaluation/statistics/index.js';
import type { GatingLayer, QrmHeads } from '../../model/heads/heads.js';
import { uniformLevels } from '../../qrm/index.js';
import {
  openTrainBackbone,
  storedPrecision,
  type StoredPrecision,
  type TrainBackbone,
} from '../features/backbone.js';
import { makeBasis } from '../regression/basis.js';
import { countsByResponse, type TrainConfig } from '../config/config.js';
import { endpointsOf } from '../config/read-config.js';
import { FeatureStore } from '../features/feature-store.js';
import { matrix, multiplyByTransposed } from '../matrix/matrix.js';
import { Products } from '../matrix/products.js';
import { fitVerbosity, type VerbosityFit } from '../regression/verbosity.js';
import { chooseAttributes, lengthSamples } from './figures/attributes.js';
import { localSource } from './features.js';
import type { TrainingFigures } from './figures/figures.js';
import { trainGateStage, type GateStage } from './gate.js';
import { featureBlocks, trainAttribute, type AttributeHeads } from './heads.js';
import { measure } from './figures/measure.js';
import { planTraining } from './plan.js';
import { remoteSource } from './remote-features.js';
import { withoutKeys, type Plan } from './sample.js';
import { Stages } from './stages.js';
import type { TrainWatch } from './watch.js';
import { own } from '../../fields.js';

export type { TrainProgress, TrainWatch } from './watch.js';

export interface Trained {
  readonly backbone: TrainBackbone;
  readonly heads: QrmHeads;
  readonly precision: StoredPrecision;
  readonly figures: TrainingFigures;
}

/** Conversations that engines do not take and that are told one by one. */
const TOLD = 10;
/** The length of responses as an attribute, for `verbosity: length`. */
const LENGTH = 'length';

/**
 * The paper's method: features, quantile heads, verbosity adjustment, gate (Dorka 2024, sections 3 and
 * 4.1). Each stage keeps what it computed in `config.work`, so that a run that was killed goes on, and
 * gives the same model bit by bit. The caller closes the backbone.
 * @throws Error naming what cannot be used; AbortError when cancelled
 */
export async function train(config: TrainConfig, watch: TrainWatch): Promise<Trained> {
  const backbone = await openTrainBackbone(config.backbone, config.layer);
  const products = new Products(config.threads);
  const closing: (() => Promise<void> | void)[] = [() => products.release()];
  try {
    const endpoints = endpointsOf(config);
    const context = { backbone, config, watch };
    const source = await (endpoints.length > 0
      ? remoteSource(context, endpoints)
      : localSource(context));
    closing.push(() => source.close());
    const { say, signal } = watch;
    const plan = await planTraining({
      config,
      tokenizer: backbone.tokenizer,
      longest: source.longest,
      say,
      signal,
      progress: (done, total) =>
        watch.progress({ stage: 'data', fraction: total > 0 ? done / total : 1 }),
    });
    say(summary(plan));
    const store = await FeatureStore.open(config.work, source.identity);
    closing.push(() => store.close());
    const refused = await source.fill(store, plan.groups);
    tellRefused(refused, say);
    const used = withoutKeys(plan, refused);
    return await fitted(backbone, source.words, used, store, products, config, watch);
  } catch (error) {
    await backbone.close();
    throw error;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** Stages 2 to 4, and what they measured. @param words of the features, for the card */
async function fitted(
  backbone: TrainBackbone,
  words: string,
  plan: Plan,
  store: FeatureStore,
  products: Products,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<Trained> {
  const all = await headsStage(plan, store, products, config, watch);
  const { kept, dropped } = chooseAttributes(all, config);
  for (const { name, reason } of dropped) watch.say(`Attribute ${name} is dropped: ${reason}`);
  const verbosity = await verbosityStage(kept, plan, store, config);
  const transform = verbosity?.transform;
  const gate = await trainGateStage(plan, kept, transform, store, products, config, watch);
  const heads = assemble(kept, verbosity, gate, config, backbone.config.hiddenSize);
  const figures = await measure(
    { backbone, precision: words, plan, store, kept, dropped, verbosity, gate, heads },
    config,
  );
  const precision = storedPrecision(config.precision, backbone.config);
  return { backbone, heads, precision, figures };
}

/** What engines do not take costs those conversations alone. */
function tellRefused(refused: ReadonlyMap<string, string>, say: (line: string) => void): void {
  const reasons = [...refused.values()];
  for (const reason of reasons.slice(0, TOLD)) say(`Left out: a conversation: ${reason}`);
  if (reasons.length > TOLD) say(`Left out: ${reasons.length - TOLD} more conversations`);
}

function summary(plan: Plan): string {
  const samples = [...plan.attributes.values()].flat();
  const labels = samples.reduce((n, s) => n + s.labels.length, 0);
  const tokens = new Map(plan.groups.flat().map((e) => [e.key, e.ids.length]));
  const sum = [...tokens.values()].reduce((a, b) => a + b, 0);
  return (
    `${plan.attributes.size} attributes with ${labels} labels, ${plan.pairs.length} pairs; ` +
    `${tokens.size} conversations of ${sum} tokens`
  );
}

/** Stage 2: the quantile heads of every attribute. */
async function headsStage(
  plan: Plan,
  store: FeatureStore,
  products: Products,
  config: TrainConfig,
  watch: TrainWatch,
): Promise<AttributeHeads[]> {
  const out: AttributeHeads[] = [];
  const all = new Map(plan.attributes);
  if (config.verbosity === LENGTH && !all.has(LENGTH)) all.set(LENGTH, lengthSamples(plan));
  // No labels enter, and no held-out text.
  const training = new Map(
    [...all.values()]
      .flat()
      .flatMap((s) => (s.heldOut ? [] : [[s.encoded.key, s.encoded] as const])),
  );
  const basis = await makeBasis(
    featureBlocks(store, [...training.values()], 'reward'),
    config.components,
    config.featureScale,
    products,
  );
  for (const [name, samples] of all) {
    const heads = await trainAttribute(name, samples, {
      store,
      products,
      stages: new Stages(join(config.work, 'stages')),
      options: {
        levels: uniformLevels(config.quantiles),
        l1: 0,
        bandwidth: config.bandwidth,
        monotone: config.monotone,
      },
      basis,
      l1: own(config.attributeL1, name) ?? config.l1,
      byResponse: countsByResponse(config, name),
      folds: config.folds,
      signal: watch.signal,
      progress: (fraction) =>
        watch.progress({
          stage: 'heads',
          fraction: (out.length + fraction) / all.size,
          note: name,
        }),
    });
    out.push(heads);
    const { pinball, baseline } = heads.crossValidated;
    watch.say(
      `Head ${name}: cross-validated pinball loss ${pinball.toFixed(4)}, ${change(pinball / baseline)} than the constant quantiles (${baseline.toFixed(4)})`,
    );
  }
  return out;
}

function change(ratio: number): string {
  return `${Math.abs(100 * (1 - ratio)).toFixed(1)} % ${ratio < 1 ? 'lower' : 'higher'}`;
}

/** Stage 3: the verbosity adjustment, on the training responses. */
async function verbosityStage(
  kept: readonly AttributeHeads[],
  plan: Plan,
  store: FeatureStore,
  config: TrainConfig,
): Promise<VerbosityFit | undefined> {
  if (config.verbosity === 'none') return undefined;
  const index = kept.findIndex(({ name }) => name === config.verbosity);
  if (index < 0) {
    throw new Error(
      `--verbosity ${config.verbosity}: expected none, length or one of ${kept.map((a) => a.name).join(', ')}`,
    );
  }
  const seen = new Map([...plan.attributes.values()].flat().map((s) => [s.encoded.key, s]));
  const encoded = [...seen.values()].filter((s) => !s.heldOut).map((s) => s.encoded);
  const rewards = matrix(encoded.length, kept.length);
  let from = 0;
  for await (const x of featureBlocks(store, encoded, 'reward').blocks()) {
    kept.forEach(({ head }, m) => {
      means(multiplyByTransposed(x, head)).forEach((e, i) => {
        rewards.data[(from + i) * kept.length + m] = e;
      });
    });
    from += x.rows;
  }
  return fitVerbosity(rewards, index);
}

function assemble(
  kept: readonly AttributeHeads[],
  verbosity: VerbosityFit | undefined,
  gate: GateStage | undefined,
  config: TrainConfig,
  hiddenSize: number,
): QrmHeads {
  const names = kept.map(({ name }) => name);
  const regression = new Float32Array(kept.length * config.quantiles * hiddenSize);
  kept.forEach(({ head }, m) => regression.set(head.data, m * head.data.length));
  const layers: readonly GatingLayer[] = gate?.layers ?? [];
  return {
    spec: { attributes: names, levels: uniformLevels(config.quantiles) },
    hiddenSize,
    regression,
    gating: layers,
    temperature: gate ? config.gate.temperature : 1,
    logitScale: Float32Array.of(1),
    attributeWeights: gate ? undefined : fixedWeights(names, config),
    transform: verbosity?.transform,
  };
}

/** `weights` by attribute; all alike where there is neither gate nor weights. */
export function fixedWeights(names: readonly string[], config: TrainConfig): Float32Array {
  const { weights } = config;
  if (!weights) return new Float32Array(names.length).fill(1 / names.length);
  for (const name of Object.keys(weights)) {
    if (!names.includes(name)) {
      throw new Error(`--weights ${name}: expected one of ${names.join(', ')}`);
    }
  }
  return Float32Array.from(names, (name) => own(weights, name) ?? 0);
}
